"""Which of many calibrations is best on held-out images, and what the best is worth on images that it was not chosen on."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imbdet.annotations import load_annotations
from imbdet.evaluation.average_precision import mean_precision, summarize
from imbdet.evaluation.backends import choose_backend, make_evaluator
from imbdet.evaluation.detections import Detections, cap_detections, highest_of_each
from imbdet.evaluation.ground_truth import GroundTruth
from imbdet.evaluation.pooled_ap import POOLED_CATEGORY, pool_classes

METRICS = ('AP', 'APr', 'APc', 'APf', 'AP_fixed', 'AP_pool')
KINDS = ('bbox', )


class HeldOut(NamedTuple):
    """Annotations of images that were not trained on.

    Attributes:
        path: The annotation file.
        style: ``'lvis'`` or ``'coco'``: by which rules detections are judged.
        category_ids: Category id of each of C classes, ascending.
        groups: Frequency group of each, shape (C,).
        images: Ids of the images to judge.
        limit: How many detections of an image the detector keeps, those with the highest scores; None: all. AP^fixed alone
            counts others.
    """

    path: Path
    style: str
    category_ids: list[int]
    groups: np.ndarray
    images: list[Any]
    limit: int | None = None

    @classmethod
    def of(cls, path: Path, label_ids: Sequence[int], groups: np.ndarray, images: list[Any],
           limit: int | None = None) -> 'HeldOut':
        """Describe the images of a data set, which are judged by LVIS's rules if the file lists what was checked in them.

        Args:
            path: The annotation file.
            label_ids: Category id of each of C labels.
            groups: Frequency group of each label, shape (C,).
            images: Ids of the images to judge.
            limit: How many detections of an image the detector keeps; None: all.

        Returns:
            The description.
        """
        federated = any(image.neg_category_ids is not None for image in load_annotations(path).images)
        order = np.argsort(label_ids)
        return cls(path, 'lvis' if federated else 'coco', [label_ids[label] for label in order], groups[order], images,
                   limit)


class Sweep(NamedTuple):
    """Metrics of calibrations on held-out images; NaN where there is no ground truth.

    Attributes:
        names: Name of each of S calibrations; the first is none.
        metrics: Metrics of each on all images.
        best: Position of the best one on all images.
        chosen: For each part of the images, position of the calibration that is best on the other parts.
        gains: For each part, its metrics with that calibration, minus those without any.
        by: The metric that was chosen by.
    """

    names: list[str]
    metrics: list[dict[str, float]]
    best: int
    chosen: list[int]
    gains: list[dict[str, float]]
    by: str

    @property
    def unseen_gain(self) -> dict[str, float]:
        """What the choice gains on images that it was not made on: the mean over the parts where a metric is defined.

        Parts are not joined before they are judged, because scores under different calibrations cannot be ranked together.
        """
        return mean_gain(self.gains)


def judge(held_out: HeldOut, detections: Detections, names: Sequence[str] = METRICS,
          images: Collection[Any] | None = None) -> dict[str, float]:
    """Compute metrics of detections.

    Args:
        held_out: The annotations.
        detections: Detections with the file's image ids; those of other images are left out.
        names: The metrics to compute.
        images: Ids of the images to judge; None: all held-out ones.

    Returns:
        The metrics by name, in [0, 1]; NaN without ground truth.
    """
    judged = list(held_out.images if images is None else images)
    truth = GroundTruth(held_out.path, held_out.style, judged, masks=False)
    inside = detections.take(np.flatnonzero(np.isin(detections.image_ids, np.array(judged))))
    numbered = truth.with_image_numbers(inside)
    evaluator = make_evaluator(choose_backend(held_out.style, KINDS), truth, KINDS)
    found: dict[str, float] = {}
    shown = numbered if held_out.limit is None else highest_of_each(numbered, numbered.image_ids, held_out.limit)
    counted = cap_detections(shown, held_out.style)
    if set(names) & {'AP', 'APr', 'APc', 'APf'}:
        found |= summarize(evaluator.precision(counted, 'bbox', held_out.category_ids), held_out.groups)
    if 'AP_fixed' in names:
        fixed = cap_detections(numbered, held_out.style, fixed_ap=True)
        found['AP_fixed'] = mean_precision(evaluator.precision(fixed, 'bbox', held_out.category_ids)[..., 0])
    if 'AP_pool' in names:
        content, pooled = pool_classes(truth, counted, held_out.category_ids)
        pool = type(evaluator)(content, held_out.style)
        found['AP_pool'] = mean_precision(pool.precision(pooled, 'bbox', [POOLED_CATEGORY])[..., 0])
    return {name: found[name] if found[name] >= 0 else float('nan') for name in names}


def sweep(held_out: HeldOut, detections: Mapping[str, Detections], by: str = 'AP', folds: int = 5, seed: int = 0) -> Sweep:
    """Judge calibrations, and choose one.

    Args:
        held_out: The annotations.
        detections: Detections under each calibration, by its name; first those without any.
        by: The metric to choose by, one of ``METRICS``.
        folds: Parts of the images, at least 2.
        seed: Seed of the division into parts.

    Returns:
        The metrics and the choice.

    Raises:
        ValueError: If there are fewer images than parts, or the metric is not defined on them.
    """
    names = list(detections)
    if not 2 <= folds <= len(held_out.images):
        raise ValueError(f'folds must be at least 2 and at most the number of held-out images, got {folds} for '
                         f'{len(held_out.images)} images')
    metrics = [judge(held_out, found) for found in detections.values()]
    best = _best(metrics, by)
    chosen, gains = [], []
    for part in parts(held_out.images, folds, seed):
        rest = [image for image in held_out.images if image not in part]
        chosen.append(_best([judge(held_out, found, [by], rest) for found in detections.values()], by))
        gains.append(gain(held_out, detections[names[0]], detections[names[chosen[-1]]], part))
    return Sweep(names, metrics, best, chosen, gains, by)


def parts(images: Sequence[Any], folds: int, seed: int) -> list[set[Any]]:
    """Divide images at random into parts whose sizes differ by one at most.

    Args:
        images: The images.
        folds: Number of parts.
        seed: Seed of the division.

    Returns:
        The parts.
    """
    order = np.random.default_rng(seed).permutation(len(images))
    return [{images[position] for position in order[fold::folds]} for fold in range(folds)]


def gain(held_out: HeldOut, before: Detections, after: Detections, images: Collection[Any]) -> dict[str, float]:
    """Compare two lists of detections on some images.

    Args:
        held_out: The annotations.
        before: Detections with the file's image ids.
        after: The same images' other detections.
        images: Ids of the images.

    Returns:
        Each metric of ``after`` minus that of ``before``; NaN without ground truth.
    """
    old, new = (judge(held_out, detections, images=images) for detections in (before, after))
    return {metric: new[metric] - old[metric] for metric in METRICS}


def mean_gain(gains: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Average gains over parts of the images.

    Args:
        gains: The gain in each part, as :func:`gain` returns it.

    Returns:
        The mean of each metric over the parts where it is defined; NaN if there is none.
    """
    values = {metric: [each[metric] for each in gains if not np.isnan(each[metric])] for metric in METRICS}
    return {metric: float(np.mean(each)) if each else float('nan') for metric, each in values.items()}


def _best(metrics: Sequence[Mapping[str, float]], by: str) -> int:
    """Return the position of the best, of equal ones the first."""
    values = np.array([each[by] for each in metrics])
    if np.isnan(values).all():
        raise ValueError(f'{by} is not defined on the held-out images, or on a part of them: no object of its classes is in '
                         'them; choose by another metric, or give more images')
    return int(np.nanargmax(values))
