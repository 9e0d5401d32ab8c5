"""Content of the annotation files of the parts."""

from collections.abc import Collection, Hashable, Sequence
from typing import Any

import numpy as np


def part_content(content: dict[str, Any], image_ids: Collection[Hashable], categories: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the content of a file with some of the images.

    Args:
        content: Content of the whole file. It is not changed.
        image_ids: Ids of the images of the part.
        categories: Categories of the part, in the order of the whole file.

    Returns:
        The images and their annotations in the order of the whole file, and all other keys as they are.
    """
    return {**content, 'categories': categories, 'images': [image for image in content['images'] if image['id'] in image_ids],
            'annotations': [entry for entry in content['annotations'] if entry['image_id'] in image_ids]}


def training_categories(categories: Sequence[dict[str, Any]], images: np.ndarray, boxes: np.ndarray,
                        frequencies: Sequence[str]) -> list[dict[str, Any]]:
    """Return categories whose LVIS keys describe the training part.

    LVIS's evaluation groups the classes by the ``frequency`` in the validation file, which is that of the training images. So
    the files of all parts have the keys of the training part.

    Args:
        categories: Categories of the whole file. They are not changed.
        images: Training images of each class, shape (C,), int64.
        boxes: Training boxes of each class, shape (C,), int64.
        frequencies: ``'r'``, ``'c'`` or ``'f'`` for each class, by the training images.

    Returns:
        The categories; ``image_count``, ``instance_count`` and ``frequency`` are replaced in those that have them.
    """
    return [{key: {'image_count': image_count, 'instance_count': box_count, 'frequency': frequency}.get(key, value)
             for key, value in category.items()}
            for category, image_count, box_count, frequency
            in zip(categories, images.tolist(), boxes.tolist(), frequencies, strict=True)]
