"""The division of images into two halves: one to choose on, one to judge on."""

from typing import NamedTuple

import numpy as np

from imbdet.evaluation.matching import Matches


class Halves(NamedTuple):
    """Two halves of I images with detections or objects.

    Attributes:
        images: Image number of each image, shape (I,).
        rows: Position in ``images`` of the image of each detection, shape (D,).
        object_rows: The same of each object, shape (G,).
        is_first: Whether each image is in the first half, shape (I,), bool.
    """

    images: np.ndarray
    rows: np.ndarray
    object_rows: np.ndarray
    is_first: np.ndarray


def halves(matches: Matches, seed: int) -> Halves:
    """Divide the images at random.

    Args:
        matches: Detections and objects.
        seed: Seed of the division.

    Returns:
        The halves.

    Raises:
        ValueError: If fewer than two images have detections or objects.
    """
    images, places = np.unique(np.concatenate([matches.images, matches.object_images]), return_inverse=True)
    if len(images) < 2:
        raise ValueError('thresholds are chosen on one half of the images and judged on the other, which needs two images with '
                         f'detections or objects, got {len(images)}')
    is_first = np.zeros(len(images), dtype=bool)
    is_first[np.random.default_rng(seed).permutation(len(images))[:len(images) // 2]] = True
    return Halves(images, places[:len(matches.images)], places[len(matches.images):], is_first)
