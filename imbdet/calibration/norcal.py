"""NorCal's shift of the class logits."""

from collections.abc import Sequence

import numpy as np

from imbdet.calibration.prior_counts import prior_counts


def norcal_shift(counts: Sequence[int] | np.ndarray, tau: float = 0.6) -> np.ndarray:
    r"""Shift that divides the exponential of each class by a power of how often it occurs.

    .. math:: \frac{\exp(z_c) / n_c^\tau}{\exp(z_b) + \sum_j \exp(z_j) / n_j^\tau}
        = \operatorname{softmax}(z_c - \tau \ln n_c)

    (NorCal, Pan et al., arXiv 2107.02170.) The background z_b is left alone, so it gains on all classes, and on frequent ones
    most. With a sigmoid for each class, the shift divides its odds.

    Args:
        counts: Training images that contain each class, n_c, shape (C,), at least 0; 0 counts as 1.
        tau: The power, at least 0; 0 changes nothing. To be tuned on images that are not those of the evaluation: NorCal's code
            has no default.

    Returns:
        What to add to the logits of the classes, shape (C,), float64.

    Raises:
        ValueError: If a count or ``tau`` is out of range.
    """
    if not 0 <= tau < np.inf:
        raise ValueError(f'tau must be at least 0 and finite, got {tau}')
    return -tau * np.log(prior_counts(counts))
