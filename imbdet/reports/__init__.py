"""Reports with pictures on data sets, results and grids. They need matplotlib: ``pip install 'imbdet[plots]'``.

Each module is imported on first use, so that one report does not load the dependencies of another.
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from imbdet.reports.dataset.dataset_analysis import analyze_dataset, examine
    from imbdet.reports.dataset.imbalance_report import write_imbalance_report
    from imbdet.reports.drawing.class_curve import draw_class_curve
    from imbdet.reports.drawing.html_page import Section, write_page
    from imbdet.reports.grid.grid_report import write_grid_report
    from imbdet.reports.grid.grid_results import merge_results, read_results, write_results
    from imbdet.reports.methods.equity_report import write_equity_report
    from imbdet.reports.methods.mixed_batch import draw_mixed_batch
    from imbdet.reports.methods.modality_probe import probe_modality, probe_table
    from imbdet.reports.results.class_curve_hook import ClassCurveHook
    from imbdet.reports.results.detection_gallery import choose_images, draw_detections
    from imbdet.reports.results.long_tail_report import write_long_tail_report

__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs={
    'dataset.dataset_analysis': ['analyze_dataset', 'examine'],
    'dataset.imbalance_report': ['write_imbalance_report'],
    'drawing.class_curve': ['draw_class_curve'],
    'drawing.html_page': ['Section', 'write_page'],
    'grid.grid_report': ['write_grid_report'],
    'grid.grid_results': ['merge_results', 'read_results', 'write_results'],
    'methods.equity_report': ['write_equity_report'],
    'methods.mixed_batch': ['draw_mixed_batch'],
    'methods.modality_probe': ['probe_modality', 'probe_table'],
    'results.class_curve_hook': ['ClassCurveHook'],
    'results.detection_gallery': ['choose_images', 'draw_detections'],
    'results.long_tail_report': ['write_long_tail_report'],
})
__all__ = [
    'ClassCurveHook', 'Section', 'analyze_dataset', 'choose_images', 'draw_class_curve', 'draw_detections', 'draw_mixed_batch',
    'examine', 'merge_results', 'probe_modality', 'probe_table', 'read_results', 'write_equity_report', 'write_grid_report',
    'write_imbalance_report', 'write_long_tail_report', 'write_page', 'write_results'
]
