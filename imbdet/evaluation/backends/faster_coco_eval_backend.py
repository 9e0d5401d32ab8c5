"""Evaluation backend faster-coco-eval: in C++, with boundary AP."""

import copy
from collections.abc import Sequence

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from imbdet.evaluation.detections import Detections


class FasterCocoEvalBackend:
    """faster-coco-eval: both styles, boxes, masks and the boundaries of masks (boundary AP, arXiv 2103.16562).

    Args:
        ground_truth: Content of a :class:`~imbdet.evaluation.ground_truth.GroundTruth`.
        style: ``'lvis'`` or ``'coco'``.
    """

    name = 'faster_coco_eval'
    styles = ('lvis', 'coco')
    kinds = ('bbox', 'segm', 'boundary')

    def __init__(self, ground_truth: dict, style: str) -> None:
        self.ground_truth = ground_truth
        self.lvis_style = style == 'lvis'

    def precision(self, detections: Detections, kind: str, category_ids: Sequence[int]) -> np.ndarray:
        """Evaluate detections; see :meth:`~imbdet.evaluation.backends.lvis_backend.LvisBackend.precision`.

        Args:
            detections: Detections with image numbers.
            kind: ``'bbox'``, ``'segm'``, or ``'boundary'``, whose IoU is the smaller of the masks' IoU and the IoU of
                their boundaries (2 % of the image diagonal wide).
            category_ids: Categories to evaluate, ascending.

        Returns:
            Precision, shape (10, 101, C, 4), float64; -1 where there is no ground truth.
        """
        truth = COCO(copy.deepcopy(self.ground_truth))  # a copy: COCO modifies it
        results = detections.coco_results()
        found = truth.loadRes(results) if results else COCO({**self.ground_truth, 'annotations': []})
        evaluation = COCOeval_faster(truth, found, kind, lvis_style=self.lvis_style, print_function=lambda *_: None)
        evaluation.params.catIds = list(category_ids)
        evaluation.params.maxDets = [max(len(results), 1)]
        evaluation.evaluate()
        evaluation.accumulate()
        return evaluation.eval['precision'][..., -1]
