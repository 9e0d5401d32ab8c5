"""COCO and LVIS annotation files: reading them fast, finding their faults, checking data sets against them."""

from imbdet.annotations.checks import check_config, check_dataset_classes, class_names
from imbdet.annotations.faults import AnnotationError, FaultReport, check_annotations, check_class_names, check_content
from imbdet.annotations.reader import AnnotationFile, load_annotations

__all__ = [
    'AnnotationError', 'AnnotationFile', 'FaultReport', 'check_annotations', 'check_class_names', 'check_config',
    'check_content', 'check_dataset_classes', 'class_names', 'load_annotations'
]
