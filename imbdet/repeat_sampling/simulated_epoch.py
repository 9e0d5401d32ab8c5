"""Simulated epochs of the resampling methods: lengths, repeat factors and tail shares."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imbdet.classes import ClassCounts
from imbdet.repeat_sampling.epoch_thresholds import expected_lengths, threshold_for_length
from imbdet.repeat_sampling.factor_draws import epoch_length
from imbdet.repeat_sampling.repeat_factors import (
    METHODS,
    category_frequencies,
    factors_from_frequencies,
    image_repeat_factors,
    rarest_frequencies,
)

PAPER_THRESHOLDS = {'rfs': 1e-3, 'irfs': 1e-3, 'e-irfs': 1e-4}
METHOD_NAMES = {'rfs': 'RFS', 'irfs': 'IRFS', 'e-irfs': 'E-IRFS'}
NUM_THRESHOLDS = 61


@dataclass(frozen=True)
class ResampledEpoch:
    """An epoch with a method and threshold.

    Attributes:
        method: ``'rfs'``, ``'irfs'`` or ``'e-irfs'``.
        threshold: The threshold t.
        category_factors: Repeat factor of each class, shape (C,).
        image_factors: Repeat factor of each image, shape (N,).
        length: Number of images that an epoch draws.
        tail_share: Expected share of draws whose image contains a class of the rarest group, in [0, 1].
        seen_share: Expected share of images that an epoch draws at least once, in [0, 1].
    """

    method: str
    threshold: float
    category_factors: np.ndarray
    image_factors: np.ndarray
    length: int
    tail_share: float
    seen_share: float

    @property
    def expected_draws(self) -> np.ndarray:
        """Expected number of draws of each image, shape (N,): its factor; with E-IRFS its share of N draws."""
        if self.method != 'e-irfs':
            return self.image_factors
        return self.image_factors * (len(self.image_factors) / self.image_factors.sum())


@dataclass(frozen=True)
class ThresholdCurves:
    """Epoch lengths and tail shares for T thresholds.

    Attributes:
        thresholds: Thresholds t, shape (T,), ascending, equally spaced on a log axis.
        lengths: By method: draws of an epoch divided by the number of images, shape (T,), at least 1.
        tail_shares: By method: expected share of draws whose image contains a class of the rarest group, shape (T,).
    """

    thresholds: np.ndarray
    lengths: dict[str, np.ndarray]
    tail_shares: dict[str, np.ndarray]


def image_frequencies(labels: Sequence[np.ndarray], counts: ClassCounts, method: str) -> np.ndarray:
    """Find the frequency of each image's rarest class, shape (N,); infinite for an image without boxes."""
    return rarest_frequencies(labels, category_frequencies(*counts, method))


def simulate_epoch(labels: Sequence[np.ndarray], counts: ClassCounts, in_tail: np.ndarray, method: str,
                   threshold: float) -> ResampledEpoch:
    """Compute an epoch as RepeatFactorSampler would draw it.

    Args:
        labels: For each of N images the labels of its boxes, integers in [0, C); at least one image.
        counts: The counts of the labels.
        in_tail: Whether each image contains a class of the rarest group, shape (N,), bool.
        method: ``'rfs'``, ``'irfs'`` or ``'e-irfs'``.
        threshold: Threshold in (0, 1].

    Returns:
        The epoch.
    """
    number = counts.num_images
    category_factors = factors_from_frequencies(category_frequencies(*counts, method), threshold, method)
    factors = image_repeat_factors(labels, category_factors)
    shares = factors / factors.sum()
    return ResampledEpoch(
        method, threshold, category_factors, factors,
        length=number if method == 'e-irfs' else epoch_length(factors),
        tail_share=float(shares[in_tail].sum()),
        seen_share=float((1 - (1 - shares)**number).mean()) if method == 'e-irfs' else 1.0)


def threshold_for_target(labels: Sequence[np.ndarray], counts: ClassCounts, method: str, target_length: float) -> float | None:
    """Find the threshold for the target length of an epoch, to three digits.

    Args:
        labels: For each of N images the labels of its boxes, integers in [0, C); at least one image.
        counts: The counts of the labels.
        method: ``'rfs'`` or ``'irfs'``.
        target_length: Draws divided by the number of images, at least 1.

    Returns:
        The threshold, or None if an epoch is shorter with every threshold up to 1.
    """
    exact = threshold_for_length(image_frequencies(labels, counts, method), target_length * counts.num_images)
    return None if exact is None else float(f'{exact:.3g}')


def threshold_curves(labels: Sequence[np.ndarray], counts: ClassCounts, in_tail: np.ndarray,
                     longest: float = 2.0) -> ThresholdCurves:
    """Compute epoch lengths and tail shares over the relevant range of thresholds.

    The range starts at half the frequency of the rarest class or at the usual threshold of E-IRFS, whichever is lower. It ends
    where the longer epoch of RFS and IRFS is ``longest`` times as long as the data set, or at 1.

    Args:
        labels: For each of N images the labels of its boxes, integers in [0, C); at least one box.
        counts: The counts of the labels.
        in_tail: Whether each image contains a class of the rarest group, shape (N,), bool.
        longest: Relative length at which the range ends, at least 1.

    Returns:
        The curves.
    """
    frequencies = {method: image_frequencies(labels, counts, method) for method in METHODS}
    number = counts.num_images
    ends = [threshold_for_length(frequencies[method], longest * number) or 1.0 for method in ('rfs', 'irfs')]
    least = min(float(np.min(frequencies['irfs'])) / 2, float(np.min(frequencies['rfs'])) / 2, PAPER_THRESHOLDS['e-irfs'])
    thresholds = np.geomspace(least, min(ends), NUM_THRESHOLDS)
    lengths = {method: np.ones(NUM_THRESHOLDS) if method == 'e-irfs' else expected_lengths(frequencies[method], thresholds)
               / number for method in METHODS}
    shares = {}
    for method in METHODS:
        factors = [factors_from_frequencies(frequencies[method], threshold, method) for threshold in thresholds]
        shares[method] = np.array([factor[in_tail].sum() / factor.sum() for factor in factors])
    return ThresholdCurves(thresholds, lengths, shares)
