"""Which classes the sample data set has, how often each occurs, and in which images."""

from typing import NamedTuple

import numpy as np

MAX_BOXES = 9
"""Boxes that an image has room for: one in each field of a 3 x 3 grid."""

VALIDATION_IMAGES = (20, 45)
"""Fewest and most validation images of a class: flatter than in training, so that a rare class's AP is no lottery."""


class ClassPlan(NamedTuple):
    """How often a class occurs.

    Attributes:
        ink: ``'light'`` or ``'dark'``.
        digit: 0 to 9.
        train_images: Training images that hold the class.
        boxes: Boxes of the class in each of them.
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
        """Validation images that hold the class."""
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
    """Choose the images of each class at random, within the room that images have.

    Args:
        num_images: Images of the split.
        image_counts: Images to choose for each of the classes.
        rng: Source of the choice.

    Returns:
        For each image the positions in ``CLASSES`` of its classes; some images have none.

    Raises:
        ValueError: If the images have no room for so many boxes.
    """
    room = np.full(num_images, MAX_BOXES)
    held: list[list[int]] = [[] for _ in range(num_images)]
    # Classes with many boxes choose first, while there is room.
    for position in sorted(range(len(CLASSES)), key=lambda index: -CLASSES[index].boxes):
        free = np.flatnonzero(room >= CLASSES[position].boxes)
        if len(free) < image_counts[position]:
            raise ValueError(f'{num_images} images have no room for {image_counts[position]} images with '
                             f'{CLASSES[position].boxes} boxes of {CLASSES[position].name}')
        for image in rng.choice(free, image_counts[position], replace=False):
            held[image].append(position)
            room[image] -= CLASSES[position].boxes
    return held
