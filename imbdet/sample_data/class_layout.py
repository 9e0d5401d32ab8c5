"""Classes of the sample data set, their frequencies, and their assignment to images."""

from typing import NamedTuple

import numpy as np

MAX_BOXES = 9
"""Maximum number of boxes per image: one per cell of a 3 x 3 grid."""

VALIDATION_IMAGES = (20, 45)
"""Minimum and maximum validation images per class: flatter than in training, so that AP of rare classes is less noisy."""


class ClassPlan(NamedTuple):
    """Frequency of a class.

    Attributes:
        ink: ``'light'`` or ``'dark'``.
        digit: 0 to 9.
        train_images: Training images that contain the class.
        boxes: Boxes of the class per image.
    """

    ink: str
    digit: int
    train_images: int
    boxes: int

    @property
    def name(self) -> str:
        """Name of the class, such as ``light_7``."""
        return f'{self.ink}_{self.digit}'

    @property
    def val_images(self) -> int:
        """Validation images that contain the class."""
        fewest, most = VALIDATION_IMAGES
        return min(max(self.train_images // 4, fewest), most)


CLASSES = tuple(sorted((
    # Frequent. Classes with equal image counts and different box counts, here and below, are where RFS and IRFS differ.
    ClassPlan('dark', 3, 180, 1), ClassPlan('light', 8, 180, 3), ClassPlan('dark', 5, 150, 1),
    ClassPlan('light', 2, 130, 1), ClassPlan('dark', 0, 130, 3), ClassPlan('light', 6, 110, 1),
    ClassPlan('dark', 9, 110, 1),
    # Common.
    ClassPlan('light', 4, 80, 1), ClassPlan('dark', 7, 60, 1), ClassPlan('light', 0, 60, 4), ClassPlan('dark', 2, 40, 1),
    ClassPlan('light', 9, 40, 4), ClassPlan('dark', 6, 25, 1), ClassPlan('light', 5, 15, 1),
    # Rare.
    ClassPlan('dark', 8, 10, 1), ClassPlan('light', 3, 10, 6), ClassPlan('light', 7, 8, 1), ClassPlan('dark', 4, 8, 5),
    ClassPlan('light', 1, 6, 1), ClassPlan('dark', 1, 4, 1),
), key=lambda plan: (plan.ink != 'light', plan.digit)))
"""The twenty classes in the order of their category ids: the light digits 0 to 9, then the dark ones."""


def assign_images(num_images: int, image_counts: list[int], rng: np.random.Generator) -> list[list[int]]:
    """Choose the images of each class at random, with at most ``MAX_BOXES`` boxes per image.

    Args:
        num_images: Images of the split.
        image_counts: Number of images to choose for each class.
        rng: Random generator.

    Returns:
        The positions in ``CLASSES`` of the classes of each image; some images have none.

    Raises:
        ValueError: If the images cannot hold that many boxes.
    """
    room = np.full(num_images, MAX_BOXES)
    held: list[list[int]] = [[] for _ in range(num_images)]
    # Classes with many boxes choose first, while there is enough space.
    for position in sorted(range(len(CLASSES)), key=lambda index: -CLASSES[index].boxes):
        free = np.flatnonzero(room >= CLASSES[position].boxes)
        if len(free) < image_counts[position]:
            raise ValueError(f'{num_images} images have no space for {image_counts[position]} images with '
                             f'{CLASSES[position].boxes} boxes of {CLASSES[position].name}; use more images')
        for image in rng.choice(free, image_counts[position], replace=False):
            held[image].append(position)
            room[image] -= CLASSES[position].boxes
    return held
