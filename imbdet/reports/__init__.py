"""Pictures of a data set and of a detector's results. They need matplotlib: ``pip install 'imbdet[plots]'``."""

from imbdet.reports.class_curve import draw_class_curve
from imbdet.reports.detection_gallery import choose_images, draw_detections

__all__ = ['choose_images', 'draw_class_curve', 'draw_detections']
