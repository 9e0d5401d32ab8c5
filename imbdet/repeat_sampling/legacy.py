"""Class counts in the format of imbdet 0.1. The sampler counts with :mod:`imbdet.classes.counts`."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imbdet.classes import count_classes
from imbdet.data.labels import labels_per_image

__all__ = ['LabelCounts', 'count_labels', 'labels_per_image']


class LabelCounts(NamedTuple):
    """Images and boxes of each category.

    Attributes:
        image_counts: Images that contain each category, shape (C,), int64.
        instance_counts: Boxes of each category, shape (C,), int64.
    """

    image_counts: np.ndarray
    instance_counts: np.ndarray


def count_labels(labels: Sequence[np.ndarray], num_classes: int) -> LabelCounts:
    """Count images and boxes of each category, see :func:`imbdet.classes.count_classes`.

    Args:
        labels: For each image its labels, integers in [0, num_classes).
        num_classes: Number of categories C.

    Returns:
        The counts, two arrays of shape (C,).
    """
    counts = count_classes(labels, num_classes)
    return LabelCounts(counts.images, counts.boxes)
