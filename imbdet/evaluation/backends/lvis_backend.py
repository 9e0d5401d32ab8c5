"""Evaluation backend lvis-api, the reference for federated evaluation."""

import copy
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from lvis import LVIS, LVISEval, LVISResults

from imbdet.evaluation.detections import Detections


class LvisBackend:
    """lvis-api (arXiv 1908.03195): ``style='lvis'``, boxes and masks.

    A detection of a class that is neither in the image nor in its ``neg_category_ids`` is left out. An unmatched one of a
    class in its ``not_exhaustive_category_ids`` is ignored.

    Args:
        ground_truth: Content of a :class:`~imbdet.evaluation.ground_truth.GroundTruth`.
        style: ``'lvis'``.
    """

    name = 'lvis'
    styles = ('lvis', )
    kinds = ('bbox', 'segm')

    def __init__(self, ground_truth: dict, style: str) -> None:
        self.ground_truth = ground_truth

    def precision(self, detections: Detections, kind: str, category_ids: Sequence[int]) -> np.ndarray:
        """Evaluate all detections, without a limit per image.

        Args:
            detections: Detections with image numbers.
            kind: ``'bbox'`` or ``'segm'``.
            category_ids: Categories to evaluate, ascending, C of them.

        Returns:
            Precision at each IoU threshold, recall threshold, category and area range, shape (10, 101, C, 4), float64; -1
            where there is no ground truth.
        """
        # lvis-api modifies the ground truth: it adds flags and replaces polygons with run-length encodings.
        truth = _index(LVIS, copy.deepcopy(self.ground_truth))
        results = detections.coco_results()
        # It infers the type from the first detection, so it cannot read an empty list.
        found = LVISResults(truth, results, max_dets=-1) if results else _index(
            LVISResults, {**self.ground_truth, 'annotations': []})
        evaluation = LVISEval(truth, found, kind)
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
