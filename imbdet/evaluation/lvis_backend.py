"""Precision by lvis-api: federated evaluation with at most 300 detections an image."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from lvis import LVIS, LVISEval, LVISResults

MAX_DETECTIONS = 300


def lvis_precision(ground_truth: dict, detections: list[dict], iou_type: str, category_ids: Sequence[int]) -> np.ndarray:
    """Evaluate detections by LVIS's rules (arXiv 1908.03195).

    A detection of a class that is neither in the image nor in its ``neg_category_ids`` is left out; an unmatched one of
    a class in its ``not_exhaustive_category_ids`` is ignored.

    Args:
        ground_truth: Content of an LVIS annotation file.
        detections: COCO results: dicts with ``image_id``, ``category_id``, ``score`` in [0, 1], and ``bbox``
            [x, y, width, height] in pixels or ``segmentation`` as run-length encoding.
        iou_type: ``'bbox'`` or ``'segm'``.
        category_ids: Categories to evaluate, ascending.

    Returns:
        Precision at each IoU threshold, recall threshold, category and area range, shape (10, 101, C, 4), float64; -1
        where there is no ground truth.
    """
    truth = _index(LVIS, ground_truth)
    # lvis-api looks at the first detection to see what they are, so it cannot read an empty list.
    found = LVISResults(truth, detections, max_dets=MAX_DETECTIONS) if detections else _index(
        LVISResults, {**ground_truth, 'annotations': []})
    evaluation = LVISEval(truth, found, iou_type)
    evaluation.params.cat_ids = list(category_ids)
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval['precision']


def _index(kind: Any, dataset: dict) -> Any:
    """Make an lvis-api object of a dict; its constructors take paths only."""
    instance = kind.__new__(kind)
    instance.logger = logging.getLogger('lvis')
    instance.dataset = dataset
    instance._create_index()
    return instance
