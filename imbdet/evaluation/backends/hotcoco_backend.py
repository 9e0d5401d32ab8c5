"""Evaluation backend hotcoco, the fastest: in Rust. Install it with ``pip install 'imbdet[fast]'``."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from hotcoco import COCO, COCOeval, LVISResults

from imbdet.evaluation.detections import Detections


class HotcocoBackend:
    """hotcoco: both styles, boxes and masks; the ground truth is read once for all evaluations of a run.

    Args:
        ground_truth: Content of a :class:`~imbdet.evaluation.ground_truth.GroundTruth`.
        style: ``'lvis'`` or ``'coco'``.
    """

    name = 'hotcoco'
    styles = ('lvis', 'coco')
    kinds = ('bbox', 'segm')

    def __init__(self, ground_truth: dict, style: str) -> None:
        self.truth = COCO(ground_truth)
        self.lvis_style = style == 'lvis'

    def precision(self, detections: Detections, kind: str, category_ids: Sequence[int]) -> np.ndarray:
        """Evaluate detections; see :meth:`~imbdet.evaluation.backends.lvis_backend.LvisBackend.precision`.

        Args:
            detections: Detections with image numbers.
            kind: ``'bbox'`` or ``'segm'``.
            category_ids: Categories to evaluate, ascending.

        Returns:
            Precision, shape (10, 101, C, 4), float64; -1 where there is no ground truth.
        """
        if detections.boxes is not None:
            results: Any = np.column_stack([detections.image_ids, detections.boxes, detections.scores, detections.category_ids])
        else:
            results = detections.coco_results()
        # By default, results are cut to 300 per image.
        found = LVISResults(self.truth, results, max_dets=-1) if self.lvis_style else self.truth.load_res(results)
        evaluation = COCOeval(self.truth, found, kind, lvis_style=self.lvis_style)
        evaluation.params.cat_ids = list(category_ids)
        evaluation.params.max_dets = [max(len(detections.scores), 1)]
        evaluation.evaluate()
        evaluation.accumulate()
        return evaluation.eval['precision'][..., -1]  # type: ignore[index]
