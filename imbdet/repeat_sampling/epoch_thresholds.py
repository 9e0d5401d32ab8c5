"""Epoch length for a threshold, and the threshold for a target length.

Pure functions over arrays, for RFS and IRFS; with E-IRFS the number of draws always equals the number of images.
"""

import numpy as np

from imbdet.repeat_sampling.repeat_factors import POWER, check_power, factors_from_frequencies, raise_to


def expected_lengths(frequencies: np.ndarray, thresholds: np.ndarray, power: float = POWER) -> np.ndarray:
    r"""Compute the length of an epoch for each threshold, before it is rounded up.

    .. math:: L(t) = \sum_i \max(1, (t / f_i)^p)

    Args:
        frequencies: Lowest frequency among the categories of each image, :math:`f_i`, shape (N,), above 0; infinite for an
            image without labels.
        thresholds: Thresholds t, shape (T,), above 0.
        power: Power p, in (0, 1]. 1/2 is the papers'; other powers are ours.

    Returns:
        Lengths, shape (T,), float64, at least N.

    Raises:
        ValueError: If ``power`` is outside (0, 1].
    """
    return np.array([factors_from_frequencies(frequencies, threshold, 'rfs', power=power).sum() for threshold in thresholds])


def threshold_for_length(frequencies: np.ndarray, length: float, power: float = POWER) -> float | None:
    r"""Find the threshold for a target length of an epoch.

    With the n images in the order of their :math:`f_i`, the first k of them below the threshold,

    .. math:: L(t) = t^p \sum_{i \le k} f_i^{-p} + n - k

    grows with t. So k follows from the lengths at :math:`t = f_i`, and t from solving the equation; it is exact.

    Args:
        frequencies: Lowest frequency among the categories of each image, shape (N,), above 0; infinite for an image without
            labels.
        length: Target number of draws per epoch, at least N.
        power: Power p, in (0, 1]. 1/2 is the papers'; other powers are ours.

    Returns:
        The threshold t, in (0, 1]; for ``length`` = N the largest without repeats. None if an epoch with t = 1, the largest
        threshold, is still shorter, or no image has a label.

    Raises:
        ValueError: If the length is below N, since every image is drawn at least once, or ``power`` is outside (0, 1].
    """
    check_power(power)
    if not length >= len(frequencies):
        raise ValueError(f'length must be at least {len(frequencies)}, since an epoch draws each image at least once, got '
                         f'{length:g}')
    known = np.sort(frequencies[np.isfinite(frequencies)])
    sums = np.cumsum(1 / raise_to(known, power))
    not_below = len(frequencies) - np.arange(1, len(known) + 1)  # images after the first 1, 2, ...
    below = np.searchsorted(raise_to(known, power) * sums + not_below, length * (1 - 1e-12))
    if below == 0:
        return float(known[0]) if len(known) else None
    threshold = float(((length - not_below[below - 1]) / sums[below - 1])**(1 / power))
    return min(threshold, 1.0) if threshold <= 1 + 1e-9 else None  # allows for rounding errors at 1 itself
