"""ClassCurveHook: the class curve in TensorBoard and other visualizer backends during training."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from imbdet.evaluation import ClassTable, LongTailMetric
from imbdet.reports.drawing.class_curve import class_curves_figure
from imbdet.reports.drawing.figures import new_figure


@HOOKS.register_module()
class ClassCurveHook(Hook):
    """After each validation and test, plot the AP of each class against its training images in the visualizer.

    There is one picture per LongTailMetric of the evaluator, also inside ModalityMetric, named ``class_ap_bbox`` or
    ``class_ap_segm``, after the metric's prefix if it has one. The visualizer's backends store it: as files, in TensorBoard, in
    Weights & Biases. The metric has to know the training images of the classes: from an LVIS file or its
    ``train_ann_file``.

    Raises:
        ImportError: If matplotlib is not installed.

    Examples:
        >>> custom_hooks = [dict(type='ClassCurveHook')]
        >>> visualizer = dict(vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
    """

    def __init__(self) -> None:
        new_figure(1, 1)  # fail now if matplotlib is missing, not after the first epoch

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Show the curves of a validation.

        Args:
            runner: The runner of the training.
            metrics: Not used.
        """
        self._show(runner, runner.val_evaluator.metrics)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Show the curves of a test.

        Args:
            runner: The runner of the test.
            metrics: Not used.
        """
        self._show(runner, runner.test_evaluator.metrics)

    def _show(self, runner: Runner, metrics: Any) -> None:
        for name, table in _class_tables(metrics):
            known = np.array([count is not None for count in table.train_images])
            if not known.any():
                print_log(f'ClassCurveHook: no class of {name} has a number of training images; set train_ann_file of '
                          'LongTailMetric', logger='current', level=logging.WARNING)
                continue
            counts = np.array([count or 0 for count in table.train_images])[known]
            precisions = np.where(table.precisions['AP'] > -1, table.precisions['AP'], np.nan)[known]
            names = [each for each, is_known in zip(table.names, known, strict=True) if is_known]
            figure = class_curves_figure(names, np.array(table.frequencies)[known], counts, {name: precisions},
                                         f'{name}, iteration {runner.iter}')
            figure.canvas.draw()
            runner.visualizer.add_image(name, np.asarray(figure.canvas.buffer_rgba())[..., :3].copy(), step=runner.iter)


def _class_tables(metrics: Any) -> Iterator[tuple[str, ClassTable]]:
    """Yield the names and tables of the last evaluation; only the first rank has any."""
    for metric in metrics.values() if isinstance(metrics, dict) else metrics:
        if isinstance(metric, LongTailMetric):
            for kind, table in metric.class_tables.items():
                yield f'{metric.class_table}_{kind}', table
        elif hasattr(metric, 'metrics') and isinstance(metric.metrics, dict):
            yield from _class_tables(metric.metrics)
