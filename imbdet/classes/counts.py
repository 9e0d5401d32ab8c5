"""How often each class occurs: images that hold it, and its boxes.

This is the one place where classes are counted. Which boxes count is decided where they are read: of an annotation file by
:attr:`imbdet.annotations.reader.Annotation.is_ignored`, of a data set by :func:`imbdet.data.data_infos.box_labels`. Both leave
out crowd and ignored boxes, on which no detector is trained as on objects.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from imbdet.annotations.reader import AnnotationFile
from imbdet.classes.names import class_names
from imbdet.data.labels import labels_per_image
from imbdet.data.wrappers import inner_datasets


class ClassCounts(NamedTuple):
    """How often each of C classes occurs in N images.

    Attributes:
        images: Images that hold each class, shape (C,), int64, at most N.
        boxes: Boxes of each class, shape (C,), int64.
        num_images: All images N, those without boxes too.
    """

    images: np.ndarray
    boxes: np.ndarray
    num_images: int


def count_classes(labels: Sequence[np.ndarray], num_classes: int) -> ClassCounts:
    """Count images and boxes of each class.

    Args:
        labels: For each of N images the labels of its boxes, integers in [0, num_classes).
        num_classes: Number of classes C.

    Returns:
        The counts.

    Raises:
        ValueError: If a label is not in [0, num_classes).
    """
    images = np.repeat(np.arange(len(labels)), [len(image_labels) for image_labels in labels])
    flat = np.concatenate([*labels, np.empty(0, np.int64)])
    outside = (flat < 0) | (flat >= num_classes)
    if outside.any():
        raise ValueError(f'labels must be in [0, {num_classes}), got {flat[outside][0]}: they are category ids, or numbers of '
                         "other classes; in metainfo=dict(classes=...) name the classes that 'bbox_label' numbers")
    # numpy sorts 16-bit integers in linear time; a stable sort leaves the images of each label in their order.
    flat = flat.astype(np.min_scalar_type(num_classes))
    order = np.argsort(flat, kind='stable')
    flat, images = flat[order], images[order]
    is_first = np.ones(len(flat), dtype=bool)  # box of its label in its image
    is_first[1:] = (flat[1:] != flat[:-1]) | (images[1:] != images[:-1])
    return ClassCounts(np.bincount(flat[is_first], minlength=num_classes), np.bincount(flat, minlength=num_classes),
                       len(labels))


def dataset_counts(dataset: Any) -> ClassCounts:
    """Count the classes of a data set.

    Args:
        dataset: As for :func:`~imbdet.data.labels.labels_per_image`, with class names in its ``metainfo``.

    Returns:
        The counts, in the order of the classes.

    Raises:
        TypeError: If the data set cannot give labels.
        ValueError: If it has no class names, or labels that are none of them.
    """
    labels, names = labels_per_image(dataset), class_names(dataset)
    try:
        return count_classes(labels, len(names))
    except ValueError as error:
        raise ValueError(f'{type(dataset).__name__}: {error}') from error


def unrepeated_counts(dataset: Any) -> ClassCounts:
    """Count the classes of a data set; images that a wrapper repeats, such as RepeatDataset, once.

    Args:
        dataset: As for :func:`dataset_counts`, or a wrapper around such.

    Returns:
        The counts, in the order of the classes.

    Raises:
        TypeError: If it cannot give labels.
        ValueError: If it has no class names, or labels that are none of them.
    """
    parts = [dataset_counts(part) for part in inner_datasets(dataset)]
    return ClassCounts(np.sum([part.images for part in parts], axis=0), np.sum([part.boxes for part in parts], axis=0),
                       sum(part.num_images for part in parts))


def file_counts(content: AnnotationFile) -> ClassCounts:
    """Count the classes of an annotation file.

    Args:
        content: The file. Boxes of an image or a category that it does not list are left out.

    Returns:
        The counts, in the order of its ``categories``.
    """
    labels = dict(zip((image.id for image in content.images), file_labels(content), strict=True))  # an id twice: one image
    return count_classes(list(labels.values()), len(content.categories))


def file_labels(content: AnnotationFile) -> list[np.ndarray]:
    """List the classes of the boxes of each image of an annotation file.

    Args:
        content: The file.

    Returns:
        For each entry of ``images`` the positions in ``categories`` of its boxes' categories, int64.
    """
    positions = {category.id: position for position, category in enumerate(content.categories)}
    labels: dict[int | str, list[int]] = {image.id: [] for image in content.images}
    for box in content.annotations:
        if not box.is_ignored and box.image_id in labels and box.category_id in positions:
            labels[box.image_id].append(positions[box.category_id])
    return [np.array(labels[image.id], dtype=np.int64) for image in content.images]
