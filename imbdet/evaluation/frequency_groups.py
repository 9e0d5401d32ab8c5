"""Rare, common and frequent categories, by the number of training images."""

from collections.abc import Sequence

import numpy as np

GROUPS = ('r', 'c', 'f')
"""Rare, common, frequent, as LVIS abbreviates them."""


def frequency_groups(image_counts: Sequence[int] | np.ndarray, rare_max: int = 10, common_max: int = 100) -> np.ndarray:
    """Group categories by the number of training images that hold them (LVIS, arXiv 1908.03195).

    Args:
        image_counts: Training images of each category, shape (C,), integers >= 0.
        rare_max: Most images of a rare category; LVIS has 10.
        common_max: Most images of a common category; LVIS has 100. Beyond it a category is frequent.

    Returns:
        ``'r'``, ``'c'`` or ``'f'`` for each category, shape (C,), dtype ``<U1``.

    Raises:
        ValueError: Unless 0 <= rare_max <= common_max.
    """
    if not 0 <= rare_max <= common_max:
        raise ValueError(f'0 <= rare_max <= common_max is needed, got {rare_max} and {common_max}')
    return np.array(GROUPS)[np.digitize(image_counts, [rare_max, common_max], right=True)]
