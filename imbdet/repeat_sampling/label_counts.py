"""Category labels of every image of a data set, read in one pass."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from imbdet.annotations.data_infos import box_labels, data_infos


class LabelCounts(NamedTuple):
    """How often each category occurs.

    Attributes:
        image_counts: Images that hold each category, shape (C,), int64.
        instance_counts: Boxes of each category, shape (C,), int64.
    """

    image_counts: np.ndarray
    instance_counts: np.ndarray


def labels_per_image(dataset: Any) -> list[np.ndarray]:
    """Read the labels of every image from a data set or wrapper.

    Crowd and ignored boxes (``ignore_flag`` of mmdet's instances) do not count: the detector is not trained on them as
    objects.

    Args:
        dataset: Anything with ``len()`` and mmdet's ``get_data_info(index)``: CocoDataset, LVISV1Dataset, ConcatDataset,
            RepeatDataset, MultiImageMixDataset and others.

    Returns:
        For each image its labels, shape (number of its boxes,), int64; empty for an image without boxes.

    Raises:
        TypeError: If the data set has no ``get_data_info``, or its items have no ``instances`` with ``bbox_label``.
    """
    try:
        return [box_labels(data_info) for data_info in data_infos(dataset)]
    except KeyError as error:
        raise TypeError(f'the items of {type(dataset).__name__} have no {error} key; repeat factors need '
                        "item['instances'][i]['bbox_label'], as mmdet's detection data sets give") from error


def count_labels(labels: Sequence[np.ndarray], num_classes: int) -> LabelCounts:
    """Count images and boxes of each category.

    Args:
        labels: For each image its labels, integers in [0, num_classes).
        num_classes: Number of categories C.

    Returns:
        The counts, two arrays of shape (C,).
    """
    images = np.repeat(np.arange(len(labels)), [len(image_labels) for image_labels in labels])
    # numpy sorts 16-bit integers in linear time; a stable sort leaves the images of each label in their order.
    flat = np.concatenate([*labels, np.empty(0, np.int64)]).astype(np.min_scalar_type(num_classes))
    order = np.argsort(flat, kind='stable')
    flat, images = flat[order], images[order]
    is_first = np.ones(len(flat), dtype=bool)  # box of its label in its image
    is_first[1:] = (flat[1:] != flat[:-1]) | (images[1:] != images[:-1])
    return LabelCounts(np.bincount(flat[is_first], minlength=num_classes), np.bincount(flat, minlength=num_classes))
