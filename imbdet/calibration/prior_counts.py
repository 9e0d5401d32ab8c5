"""The counts from which priors of classes are computed."""

from collections.abc import Sequence

import numpy as np


def prior_counts(counts: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return counts whose logarithm is finite: a class that never occurs counts as if it had occurred once.

    So it gets the shift of the rarest class there can be, and not an infinite one.

    Args:
        counts: How often each class occurs, shape (C,), at least 0.

    Returns:
        The counts, at least 1, shape (C,), float64.

    Raises:
        ValueError: If there are no classes, or a count is negative, infinite or NaN.
    """
    values = np.asarray(counts, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f'counts must have one dimension, a number for each class, got shape {values.shape}')
    wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        raise ValueError(f'counts must be finite and at least 0, got {values[wrong][0]} for class {int(np.argmax(wrong))}')
    return values.clip(min=1)
