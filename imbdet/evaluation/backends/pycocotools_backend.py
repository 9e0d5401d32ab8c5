"""Evaluation backend pycocotools, the reference for COCO evaluation (every class in every image)."""

import contextlib
import copy
import io
from collections.abc import Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from imbdet.evaluation.detections import Detections


class PycocotoolsBackend:
    """pycocotools: ``style='coco'``, boxes and masks.

    Args:
        ground_truth: Content of a :class:`~imbdet.evaluation.ground_truth.GroundTruth`.
        style: ``'coco'``.
    """

    name = 'pycocotools'
    styles = ('coco', )
    kinds = ('bbox', 'segm')

    def __init__(self, ground_truth: dict, style: str) -> None:
        self.ground_truth = ground_truth

    def precision(self, detections: Detections, kind: str, category_ids: Sequence[int]) -> np.ndarray:
        """Evaluate detections; see :meth:`~imbdet.evaluation.backends.lvis_backend.LvisBackend.precision`.

        Args:
            detections: Detections with image numbers.
            kind: ``'bbox'`` or ``'segm'``.
            category_ids: Categories to evaluate, ascending.

        Returns:
            Precision, shape (10, 101, C, 4), float64; -1 where there is no ground truth.
        """
        results = detections.coco_results()
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
            truth = _index(copy.deepcopy(self.ground_truth))  # a copy: pycocotools modifies it
            # loadRes infers the type from the first detection, so it cannot read an empty list.
            found = truth.loadRes(results) if results else _index({**self.ground_truth, 'annotations': []})
            evaluation = COCOeval(truth, found, kind)
            evaluation.params.catIds = list(category_ids)
            evaluation.params.maxDets = [max(len(results), 1)]
            evaluation.evaluate()
            evaluation.accumulate()
        return evaluation.eval['precision'][..., -1]


def _index(dataset: dict) -> COCO:
    """Make a pycocotools object of a dict; its constructor takes a path only."""
    instance = COCO()
    instance.dataset = dataset
    instance.createIndex()
    return instance
