"""Pictures of a data set and of a detector's results. They need matplotlib: ``pip install 'imbdet[plots]'``."""

from imbdet.reports.class_curve import draw_class_curve
from imbdet.reports.detection_gallery import choose_images, draw_detections
from imbdet.reports.equity_report import write_equity_report
from imbdet.reports.mixed_batch import draw_mixed_batch
from imbdet.reports.page import Section, write_page

__all__ = [
    'Section', 'choose_images', 'draw_class_curve', 'draw_detections', 'draw_mixed_batch', 'write_equity_report', 'write_page'
]
