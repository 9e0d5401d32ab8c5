"""Mean image weight of each class."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imbdet.classes import count_classes


class ClassWeights(NamedTuple):
    """Counts and mean weight of C classes, in the classes' order.

    Attributes:
        names: Names.
        images: Images that contain each class, shape (C,), int64.
        boxes: Boxes of each class, shape (C,), int64.
        mean_weight: Mean weight of its boxes, each weighted by its image, shape (C,); NaN for a class without boxes.
    """

    names: tuple[str, ...]
    images: np.ndarray
    boxes: np.ndarray
    mean_weight: np.ndarray


def class_weights(labels: Sequence[np.ndarray], weights: np.ndarray, names: tuple[str, ...]) -> ClassWeights:
    """Average the weights of images over the boxes of each class.

    Args:
        labels: For each of N images the classes of its boxes, integers in [0, C).
        weights: Weight of each image, shape (N,).
        names: Names of the C classes.

    Returns:
        Counts and means.
    """
    number = len(names)
    flat = np.concatenate([*labels, np.empty(0, np.int64)]).astype(np.int64)
    box_weights = np.repeat(weights, [len(image) for image in labels])
    images, boxes, _ = count_classes(labels, number)
    sums = np.bincount(flat, box_weights, number)
    means = np.divide(sums, boxes, out=np.full(number, np.nan), where=boxes > 0)
    return ClassWeights(names, images, boxes, means)
