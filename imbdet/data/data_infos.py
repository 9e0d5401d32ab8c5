"""Iteration over the image records of a data set, without loading pixels."""

import gc
from collections.abc import Iterator
from typing import Any

import numpy as np


def data_infos(dataset: Any) -> Iterator[dict]:
    """Read the record of each image of a data set.

    Args:
        dataset: Anything with ``len()`` and mmdet's ``get_data_info(index)``: CocoDataset, LVISV1Dataset, ConcatDataset,
            RepeatDataset, MultiImageMixDataset and others.

    Yields:
        mmdet's dict of each image, with ``img_id``, ``img_path``, ``instances`` and more.

    Raises:
        TypeError: If the data set has no ``get_data_info``.
    """
    if not hasattr(dataset, 'get_data_info'):
        raise TypeError(f'{type(dataset).__name__} has no get_data_info(index), which is needed to read its images; add a '
                        "method that forwards to the wrapped data set's get_data_info")
    # Each item is unpickled into thousands of short-lived small objects. The garbage collector finds nothing among them
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
    """Read the labels of an image's boxes, without crowd and ignored ones, which are not objects to train on.

    Args:
        data_info: The image's record, from ``get_data_info``.

    Returns:
        The labels, shape (number of these boxes,), int64.

    Raises:
        KeyError: If ``instances`` is missing, or one of them has no ``bbox_label``.
    """
    return _labels(_objects(data_info))


def boxes_and_labels(data_info: dict) -> tuple[np.ndarray, np.ndarray]:
    """Read an image's boxes and their labels, without crowd and ignored ones.

    Args:
        data_info: The image's record, from ``get_data_info``.

    Returns:
        The boxes, x1, y1, x2, y2 in pixels, shape (n, 4), float64, and the labels, shape (n,), int64.

    Raises:
        KeyError: If ``instances`` is missing, or one of them has no ``bbox`` or ``bbox_label``.
    """
    objects = _objects(data_info)
    return np.array([instance['bbox'] for instance in objects], dtype=np.float64).reshape(-1, 4), _labels(objects)


def _labels(instances: list[dict]) -> np.ndarray:
    return np.array([instance['bbox_label'] for instance in instances], dtype=np.int64)


def _objects(data_info: dict) -> list[dict]:
    """Return the instances that count as objects to train on. All code that reads data sets relies on this definition."""
    return [instance for instance in data_info['instances'] if not instance.get('ignore_flag', 0)]
