"""Evaluation by class frequency. The metrics need mmdet and are imported on first use."""

from typing import TYPE_CHECKING

import lazy_loader

from imbdet.evaluation.average_precision import class_average_precisions, mean_precision, summarize
from imbdet.evaluation.class_table import ClassTable
from imbdet.evaluation.frequency_groups import frequency_groups

if TYPE_CHECKING:
    from imbdet.evaluation.long_tail_metric import LongTailMetric
    from imbdet.evaluation.modality_metric import ModalityMetric

__getattr__, _, _ = lazy_loader.attach(
    __name__, submod_attrs={'long_tail_metric': ['LongTailMetric'], 'modality_metric': ['ModalityMetric']})
__all__ = [
    'ClassTable', 'LongTailMetric', 'ModalityMetric', 'class_average_precisions', 'frequency_groups', 'mean_precision',
    'summarize'
]
