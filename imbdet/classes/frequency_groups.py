"""Rare, common and frequent categories, by the number of training images."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imbdet.annotations import AnnotationFile
from imbdet.classes.counts import file_counts

GROUPS = ('r', 'c', 'f')
"""Rare, common, frequent, as LVIS abbreviates them."""


class GroupLimits(NamedTuple):
    """Where the frequency groups end.

    Attributes:
        rare_max: Most training images of a rare category, at least 0; LVIS has 10.
        common_max: Most training images of a common category, at least ``rare_max``; LVIS has 100. Beyond it a category is
            frequent.
    """

    rare_max: int = 10
    common_max: int = 100


LVIS_LIMITS = GroupLimits()
"""The limits of LVIS (arXiv 1908.03195)."""


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


class ClassFrequencies(NamedTuple):
    """How frequent the C categories of an annotation file are in training, in the file's order.

    Attributes:
        groups: ``'r'``, ``'c'`` or ``'f'``, None where that is not known.
        image_counts: Training images that hold each category, None where that is not known.
    """

    groups: list[str | None]
    image_counts: list[int | None]


def class_frequencies(annotations: AnnotationFile,
                      training: AnnotationFile | None = None,
                      limits: GroupLimits = LVIS_LIMITS) -> ClassFrequencies:
    """Tell the frequency of each category from training annotations, else from what the file says of its categories.

    Args:
        annotations: Annotations of the evaluated images.
        training: Training annotations, whose categories are found by name.
        limits: Where the groups end; goes with ``training``.

    Returns:
        Groups and counts.
    """
    if training is None:
        known = {category.id: category.frequency for category in annotations.categories if category.frequency in GROUPS}
        return ClassFrequencies([known.get(category.id) for category in annotations.categories],
                                [category.image_count for category in annotations.categories])
    counts = file_counts(training).images
    names = [category.name for category in training.categories]
    groups = dict(zip(names, frequency_groups(counts, *limits).tolist(), strict=True))
    counts_by_name = dict(zip(names, counts.tolist(), strict=True))
    wanted = [category.name for category in annotations.categories]
    return ClassFrequencies([groups.get(name) for name in wanted], [counts_by_name.get(name) for name in wanted])
