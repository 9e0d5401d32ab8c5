"""How long an epoch gets with a threshold, and which threshold gives a wished length.

Pure functions over arrays, for RFS and IRFS; with E-IRFS an epoch has always as many draws as the data set has images.
"""

import numpy as np

from imbdet.repeat_sampling.repeat_factors import factors_from_frequencies


def expected_lengths(frequencies: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    r"""Compute the length of an epoch for each threshold, before it is rounded up.

    .. math:: L(t) = \sum_i \max(1, \sqrt{t / f_i})

    Args:
        frequencies: Least frequency among the categories of each image, :math:`f_i`, shape (N,), above 0; infinite for an
            image with no label.
        thresholds: Thresholds t, shape (T,), above 0.

    Returns:
        Lengths, shape (T,), float64, at least N.
    """
    return np.array([factors_from_frequencies(frequencies, threshold, 'rfs').sum() for threshold in thresholds])


def threshold_for_length(frequencies: np.ndarray, length: float) -> float | None:
    r"""Find the threshold with which an epoch has a wished length.

    With the n images in the order of their :math:`f_i`, the first k of them below the threshold,

    .. math:: L(t) = \sqrt{t} \sum_{i \le k} f_i^{-1/2} + n - k

    grows with t, so that k is found by the lengths at :math:`t = f_i` and t by solving for it: it is exact.

    Args:
        frequencies: As for :func:`expected_lengths`.
        length: Draws of an epoch, at least N.

    Returns:
        The threshold t, in (0, 1]; for ``length`` = N the largest that repeats nothing. None if an epoch with t = 1, the
        largest, is still shorter, or no image has a label.

    Raises:
        ValueError: If the length is below N, of which no draw is left out.
    """
    if not length >= len(frequencies):
        raise ValueError(f'an epoch draws each of the {len(frequencies)} images at least once, so that {length:g} draws '
                         'are too few')
    known = np.sort(frequencies[np.isfinite(frequencies)])
    roots = np.cumsum(1 / np.sqrt(known))
    not_below = len(frequencies) - np.arange(1, len(known) + 1)  # images that are not among the first 1, 2, ...
    below = np.searchsorted(np.sqrt(known) * roots + not_below, length * (1 - 1e-12))
    if below == 0:
        return float(known[0]) if len(known) else None
    threshold = float(((length - not_below[below - 1]) / roots[below - 1])**2)
    return min(threshold, 1.0) if threshold <= 1 + 1e-9 else None  # the length at 1 itself, but for rounding errors
