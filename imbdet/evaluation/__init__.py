"""Evaluation by class frequency."""

from imbdet.evaluation.average_precision import class_average_precisions, mean_precision, summarize
from imbdet.evaluation.class_table import ClassTable
from imbdet.evaluation.frequency_groups import frequency_groups
from imbdet.evaluation.long_tail_metric import LongTailMetric
from imbdet.evaluation.modality_metric import ModalityMetric

__all__ = [
    'ClassTable', 'LongTailMetric', 'ModalityMetric', 'class_average_precisions', 'frequency_groups', 'mean_precision',
    'summarize'
]
