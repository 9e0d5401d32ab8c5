"""COCO and LVIS annotation files: reading them fast, finding their faults, checking data sets against them."""

from imbdet.annotations.checks import check_config, check_dataset_classes, class_names
from imbdet.annotations.columns import AnnotationColumns, annotation_columns
from imbdet.annotations.fault_report import FaultReport, check_annotations, check_class_names, check_content
from imbdet.annotations.faults import Fault, find_faults
from imbdet.annotations.reader import AnnotationError, AnnotationFile, load_annotations
from imbdet.annotations.uses import AnnotationUse, file_uses

__all__ = [
    'AnnotationColumns', 'AnnotationError', 'AnnotationFile', 'AnnotationUse', 'Fault', 'FaultReport', 'annotation_columns',
    'check_annotations', 'check_class_names', 'check_config', 'check_content', 'check_dataset_classes', 'class_names',
    'file_uses', 'find_faults', 'load_annotations'
]
