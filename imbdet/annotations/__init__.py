"""COCO and LVIS annotation files: a fast reader and a search for faults."""

from imbdet import moved
from imbdet.annotations.annotation_arrays import AnnotationArrays, to_arrays
from imbdet.annotations.fault import Fault
from imbdet.annotations.faults import find_faults
from imbdet.annotations.file_checks import FaultReport, check_annotations, check_class_names, check_content
from imbdet.annotations.reader import AnnotationError, AnnotationFile, AnnotationWarning, load_annotations

__getattr__ = moved.names_of(__name__)
__all__ = [
    'AnnotationArrays', 'AnnotationColumns', 'AnnotationError', 'AnnotationFile', 'AnnotationUse', 'AnnotationWarning', 'Fault',
    'FaultReport', 'annotation_columns', 'check_annotations', 'check_class_names', 'check_config', 'check_content',
    'check_dataset_classes', 'class_names', 'file_uses', 'find_faults', 'load_annotations', 'to_arrays'
]
