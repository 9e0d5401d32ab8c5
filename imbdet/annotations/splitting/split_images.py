"""Division of images into parts, group by group: stratified, and at random to compare with."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array, hstack

from imbdet.annotations.annotation_arrays import AnnotationArrays
from imbdet.annotations.faults import usable_boxes
from imbdet.annotations.splitting.stratify import stratify


def box_counts(columns: AnnotationArrays, num_categories: int) -> csr_array:
    """Count the boxes of each class in each image.

    Crowd and ignored boxes, and boxes that mmdet drops, are not counted.

    Args:
        columns: Arrays of the annotation file.
        num_categories: Number of classes C.

    Returns:
        The counts of N images, shape (N, C), int64.
    """
    is_counted = usable_boxes(columns) & ~columns.is_ignored
    images, categories = columns.images[is_counted], columns.categories[is_counted]
    shape = len(columns.image_sizes), num_categories
    return csr_array((np.ones(len(images), dtype=np.int64), (images, categories)), shape=shape)


def split_images(boxes: csr_array, groups: np.ndarray, shares: Sequence[float], seed: int = 0,
                 train_part: int | None = 0) -> np.ndarray:
    """Divide images into parts, stratified by the images and boxes of all classes.

    Args:
        boxes: Boxes of each class in each image, shape (N, C), integers.
        groups: Group of each image, shape (N,), int64, numbered from 0. Groups are not divided.
        shares: Wanted share of each of K parts, with sum 1.
        seed: Seed.
        train_part: Part that gets the classes that are in fewer than K groups; None for folds. See
            :func:`~imbdet.annotations.splitting.stratify.stratify`.

    Returns:
        Part of each image, shape (N,), int64.

    Raises:
        ValueError: If there are fewer groups than parts.
    """
    in_group = sums_by(groups, int(groups.max()) + 1)
    counts = csr_array(hstack([in_group @ (boxes > 0).astype(np.int64), in_group @ boxes]))
    return stratify(counts, np.bincount(groups), shares, seed, train_part)[groups]


def random_parts(groups: np.ndarray, shares: Sequence[float], seed: int = 0) -> np.ndarray:
    """Divide images into parts at random, group by group, so that the parts have about the wanted shares of the images.

    Args:
        groups: Group of each image, shape (N,), int64, numbered from 0.
        shares: Wanted share of each of K parts, with sum 1.
        seed: Seed.

    Returns:
        Part of each image, shape (N,), int64.
    """
    sizes = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(sizes))
    middles = np.cumsum(sizes[order]) - sizes[order] / 2
    parts = np.empty(len(sizes), dtype=np.int64)
    parts[order] = np.searchsorted(np.cumsum(shares)[:-1] * len(groups), middles)
    return parts[groups]


def sums_by(labels: np.ndarray, number: int) -> csr_array:
    """Return the matrix that adds up rows with the same label.

    Args:
        labels: Label of each of N rows, integers in [0, number).
        number: Number of labels.

    Returns:
        Ones and zeros, shape (number, N), int64.
    """
    return csr_array((np.ones(len(labels), dtype=np.int64), (labels, np.arange(len(labels)))), shape=(number, len(labels)))
