"""Logit adjustment: the prior of each class taken out of its logit."""

from collections.abc import Sequence

import numpy as np

from imbdet.calibration.norcal import norcal_shift
from imbdet.calibration.prior_counts import prior_counts


def logit_adjustment(counts: Sequence[int] | np.ndarray, total: float, tau: float = 1.0) -> np.ndarray:
    r"""Shift that takes the logarithm of each class's prior out of the logits of a softmax.

    .. math:: z_c - \tau \ln \pi_c, \qquad \pi_c = n_c / N

    (Menon et al., arXiv 2007.07314.) In a detector the background is left alone. It differs from
    :func:`~imbdet.calibration.norcal.norcal_shift` by :math:`\tau \ln N`, the same for all classes: it moves the balance
    between classes and background.

    Args:
        counts: How often each class occurs, n_c, shape (C,), at least 0; 0 counts as 1.
        total: What the counts are shares of, N, above 0: all images, or all boxes.
        tau: The strength, at least 0; 0 changes nothing.

    Returns:
        What to add to the logits of the classes, shape (C,), float64.

    Raises:
        ValueError: If an argument is out of range.
    """
    if not 0 < total < np.inf:
        raise ValueError(f'total must be above 0 and finite, got {total}')
    return norcal_shift(counts, tau) + tau * np.log(total)


def sigmoid_logit_adjustment(counts: Sequence[int] | np.ndarray, total: float, tau: float = 1.0) -> np.ndarray:
    r"""Shift that takes each class's prior out of the logit of a sigmoid.

    .. math:: z_c - \tau \ln \frac{\pi_c}{1 - \pi_c}, \qquad \pi_c = n_c / N

    Args:
        counts: How often each class occurs, n_c, shape (C,), in [0, N]; 0 counts as 1, and N as N - 1.
        total: What the counts are shares of, N, at least 2: all images, or all boxes.
        tau: The strength, at least 0; 0 changes nothing.

    Returns:
        What to add to the logits of the classes, shape (C,), float64.

    Raises:
        ValueError: If an argument is out of range.
    """
    values = prior_counts(counts)
    if not 2 <= total < np.inf or values.max() > total:
        raise ValueError(f'total must be at least 2, finite, and no less than a count, got {total} and counts to '
                         f'{values.max()}')
    return logit_adjustment(values, total, tau) + tau * np.log1p(-values.clip(max=total - 1) / total)
