"""Precision by pycocotools: every class counts in every image, at most 100 detections an image and class."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def coco_precision(ground_truth: dict, detections: list[dict], iou_type: str, category_ids: Sequence[int]) -> np.ndarray:
    """Evaluate detections by COCO's rules.

    Args:
        ground_truth: Content of a COCO annotation file.
        detections: COCO results, as for :func:`~imbdet.evaluation.lvis_backend.lvis_precision`.
        iou_type: ``'bbox'`` or ``'segm'``.
        category_ids: Categories to evaluate, ascending.

    Returns:
        Precision at each IoU threshold, recall threshold, category and area range, shape (10, 101, C, 4), float64; -1
        where there is no ground truth.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        truth = _index(ground_truth)
        # loadRes looks at the first detection to see what they are, so it cannot read an empty list.
        found = truth.loadRes(detections) if detections else _index({**ground_truth, 'annotations': []})
        evaluation = COCOeval(truth, found, iou_type)
        evaluation.params.catIds = list(category_ids)
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval['precision'][..., -1]


def _index(dataset: dict) -> COCO:
    """Make a pycocotools object of a dict; its constructor takes a path only."""
    instance = COCO()
    instance.dataset = dataset
    instance.createIndex()
    return instance
