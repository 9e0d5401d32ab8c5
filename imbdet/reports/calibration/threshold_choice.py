"""Score thresholds chosen on one half of the images and judged on the other."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import sparse

from imbdet.evaluation.matching import NONE, Matches
from imbdet.evaluation.score_thresholds import Choose, class_thresholds
from imbdet.reports.calibration.halves import halves

RESAMPLES, AT_A_TIME = 1000, 50
"""Bootstrap samples of the images, and how many are computed at a time, which bounds the memory."""


class Outcome(NamedTuple):
    """What is kept by thresholds, in I images of C classes.

    Attributes:
        kept: Detections above the threshold, shape (I, C).
        correct: How many of them are correct, shape (I, C).
        objects: Objects, shape (I, C).
    """

    kept: sparse.csr_array
    correct: sparse.csr_array
    objects: sparse.csr_array

    def f1(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Compute F1 of each class.

        Args:
            weights: How often each image counts, shape (B, I); None: once.

        Returns:
            F1, shape (B, C), or (C,) without weights; NaN without objects.
        """
        kept, correct, objects = (part.sum(0) if weights is None else weights @ part for part in self)
        return 2 * correct / np.where(objects > 0, kept + objects, np.nan)

    def precision(self) -> np.ndarray:
        """Compute precision of each class, shape (C,); NaN if nothing is kept."""
        kept = self.kept.sum(0)
        return self.correct.sum(0) / np.where(kept > 0, kept, np.nan)

    def recall(self) -> np.ndarray:
        """Compute recall of each class, shape (C,); NaN without objects."""
        objects = self.objects.sum(0)
        return self.correct.sum(0) / np.where(objects > 0, objects, np.nan)


class ThresholdChoice(NamedTuple):
    """Thresholds, and how good they are on images that they were not chosen on.

    Attributes:
        thresholds: Threshold of each class, chosen on all images, shape (C,).
        single: One threshold for all classes, chosen on all images.
        of_classes: What the thresholds of each class keep: in either half of the images those that were chosen on the other.
        of_single: The same for one threshold for all classes.
        images: Image number of each row of these, shape (I,).
    """

    thresholds: np.ndarray
    single: float
    of_classes: Outcome
    of_single: Outcome
    images: np.ndarray

    def differences(self, scopes: Mapping[str, np.ndarray], seed: int = 0) -> dict[str, tuple[float, float, float]]:
        """Compare the mean F1 of classes with that of one threshold for all.

        Args:
            scopes: Which classes, shape (C,), bool, by name.
            seed: Seed of the bootstrap.

        Returns:
            By name the mean F1 by the thresholds of each class minus that by one, and the ends of its 95 % interval, by a
            bootstrap over images; NaN without objects. The thresholds stay as they are in it, so that the interval does not
            contain the chance in choosing them.
        """
        rng = np.random.default_rng(seed)
        number = len(self.images)
        samples: dict[str, list[float]] = {name: [] for name in scopes}
        for _ in range(RESAMPLES // AT_A_TIME):
            weights = rng.multinomial(number, np.full(number, 1 / number), size=AT_A_TIME)
            difference = self.of_classes.f1(weights) - self.of_single.f1(weights)
            for name, members in scopes.items():
                samples[name] += [_mean(row) for row in difference[:, members]]
        difference = self.of_classes.f1() - self.of_single.f1()
        return {name: (_mean(difference[members]), *_ends(samples[name])) for name, members in scopes.items()}


def choose_thresholds(matches: Matches, groups: np.ndarray, choose: Choose, seed: int = 0) -> ThresholdChoice:
    """Choose thresholds on all images, and judge the choice by halves.

    Args:
        matches: Detections and objects.
        groups: Frequency group of each class, shape (C,).
        choose: How a threshold is chosen.
        seed: Seed of the division into halves.

    Returns:
        The thresholds and what they keep.

    Raises:
        ValueError: If fewer than two images have detections or objects.
    """
    images, rows, object_rows, is_first = halves(matches, seed)
    correct, classes = matches.objects != NONE, matches.classes

    def chosen_on(chosen: np.ndarray) -> tuple[np.ndarray, float]:
        inside = chosen[rows]
        num_objects = np.bincount(matches.object_classes[chosen[object_rows]], minlength=len(groups))
        arguments = matches.scores[inside], correct[inside]
        return (class_thresholds(*arguments, classes[inside], num_objects, groups, choose),
                choose(*arguments, int(num_objects.sum())))

    by_half = [chosen_on(is_first), chosen_on(~is_first)]
    half = is_first[rows].astype(int)  # judged by what was chosen on the other: 0 was chosen on the first
    own = np.stack([each[0] for each in by_half])[half, classes]
    single = np.array([each[1] for each in by_half])[half]
    shape = len(images), len(groups)

    def count(chosen: np.ndarray) -> sparse.csr_array:
        return _count(rows[chosen], classes[chosen], shape)

    objects = _count(object_rows, matches.object_classes, shape)
    of_classes, of_single = (Outcome(count(matches.scores > limit), count((matches.scores > limit) & correct), objects)
                             for limit in (own, single))
    return ThresholdChoice(*chosen_on(np.ones(len(images), dtype=bool)), of_classes, of_single, images)


def _count(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    return sparse.coo_array((np.ones(len(rows), np.int64), (rows, columns)), shape=shape).tocsr()


def _mean(values: np.ndarray) -> float:
    """Average the defined values; NaN without any."""
    return float(np.nanmean(values)) if not np.isnan(values).all() else float('nan')


def _ends(samples: list[float]) -> tuple[float, float]:
    """Return the ends of the 95 % interval; NaN if nothing is defined."""
    if np.isnan(samples).all():
        return float('nan'), float('nan')
    low, high = np.nanpercentile(samples, [2.5, 97.5])
    return float(low), float(high)
