"""Sample data set: long-tailed handwritten digits, visible and infrared."""

from imbdet.sample_data.class_layout import CLASSES, ClassPlan
from imbdet.sample_data.digits_longtail import annotation_path, is_complete, make_digits_longtail

__all__ = ['CLASSES', 'ClassPlan', 'annotation_path', 'is_complete', 'make_digits_longtail']
