"""One pass over the images of a data set, without loading a pixel."""

import gc
from collections.abc import Iterator
from typing import Any

import numpy as np


def data_infos(dataset: Any) -> Iterator[dict]:
    """Read what a data set knows of each of its images.

    Args:
        dataset: Anything with ``len()`` and mmdet's ``get_data_info(index)``: CocoDataset, LVISV1Dataset, ConcatDataset,
            RepeatDataset, MultiImageMixDataset and others.

    Yields:
        mmdet's dict of each image, with ``img_id``, ``img_path``, ``instances`` and more.

    Raises:
        TypeError: If the data set has no ``get_data_info``.
    """
    if not hasattr(dataset, 'get_data_info'):
        raise TypeError(f'{type(dataset).__name__} has no get_data_info(index), from which its images are read; wrap it '
                        'so that it passes on the wrapped data set\'s get_data_info')
    # Each item is unpickled into thousands of small objects that die at once. The collector finds nothing among them
    # and would take a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        for index in range(len(dataset)):
            yield dataset.get_data_info(index)
    finally:
        if collecting:
            gc.enable()


def box_labels(data_info: dict) -> np.ndarray:
    """Read the labels of an image's boxes, without crowd and ignored ones, on which no object is learnt.

    Args:
        data_info: What a data set knows of the image.

    Returns:
        The labels, shape (number of these boxes,), int64.

    Raises:
        KeyError: If there are no ``instances``, or one has no ``bbox_label``.
    """
    return np.array([instance['bbox_label'] for instance in _objects(data_info)], dtype=np.int64)


def boxes_and_labels(data_info: dict) -> tuple[np.ndarray, np.ndarray]:
    """Read an image's boxes and their labels, without crowd and ignored ones.

    Args:
        data_info: What a data set knows of the image.

    Returns:
        The boxes, x1, y1, x2, y2 in pixels, shape (n, 4), float64, and the labels, shape (n,), int64.

    Raises:
        KeyError: If there are no ``instances``, or one has no ``bbox`` or ``bbox_label``.
    """
    boxes = np.array([instance['bbox'] for instance in _objects(data_info)], dtype=np.float64)
    return boxes.reshape(-1, 4), box_labels(data_info)


def _objects(data_info: dict) -> list[dict]:
    """Return the instances that a detector is trained on as objects: this is where it is decided for data sets."""
    return [instance for instance in data_info['instances'] if not instance.get('ignore_flag', 0)]
