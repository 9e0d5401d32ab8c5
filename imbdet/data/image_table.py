"""Lookup of a data set's images in a table with one row per image."""

import os
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from imbdet.data.data_infos import data_infos

MISSING = -1
"""Position of an image that is not in the table."""


class ImageKey(NamedTuple):
    """The key for looking up an image.

    Attributes:
        img_id: Its id in the annotation file.
        img_path: Its path, as in the data set.
    """

    img_id: Any
    img_path: str


def image_key(data_info: dict) -> ImageKey:
    """Return id and path from an image's record."""
    return ImageKey(data_info['img_id'], str(data_info['img_path']))


def image_keys(dataset: Any) -> list[ImageKey]:
    """List the images of a data set or wrapper, in its order.

    Args:
        dataset: Anything with ``len()`` and mmdet's ``get_data_info(index)``.

    Returns:
        Id and path of each.

    Raises:
        TypeError: If the data set has no ``get_data_info``.
    """
    return [image_key(info) for info in data_infos(dataset)]


def find_images(image_ids: np.ndarray, paths: np.ndarray, images: Sequence[ImageKey]) -> np.ndarray:
    """Find images in a table by their id or, if ids in the table are not unique, by the end of their path.

    Args:
        image_ids: Ids of the table's N images as text, shape (N,).
        paths: Their paths relative to some folder, with forward slashes, shape (N,).
        images: The images to find.

    Returns:
        Their positions in the table, shape (len(images),), int64; -1 for an image that is not in it.

    Raises:
        ValueError: If an id belongs to an image of another name in the table.
    """
    if len(np.unique(image_ids)) < len(image_ids):
        return _find_paths(paths, [image.img_path for image in images])
    positions = _positions(image_ids, [str(image.img_id) for image in images])
    for image, position in zip(images, positions, strict=True):
        if position != MISSING and _stem(image.img_path) != _stem(paths[position]):
            raise ValueError(f'image id {image.img_id} is {image.img_path} in the data set but {paths[position]} in the file, '
                             'so the file was made from other images; create it again')
    return positions


def _find_paths(table: np.ndarray, paths: Sequence[str]) -> np.ndarray:
    """Match the ends of paths, because folders differ between machines; the longest match counts."""
    parts = [PurePosixPath(path.replace(os.sep, '/')).parts for path in paths]
    found = np.full(len(paths), MISSING)
    depths = {len(PurePosixPath(path).parts) for path in table}
    for depth in sorted(depths):
        positions = _positions(table, ['/'.join(part[-depth:]) for part in parts])
        found = np.where(positions != MISSING, positions, found)
    return found


def _stem(path: str) -> str:
    return PurePosixPath(str(path).replace(os.sep, '/')).stem


def _positions(keys: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    """Find ``wanted`` in ``keys``; -1 where it is missing."""
    order = np.argsort(keys)
    names = np.array(wanted, dtype=np.str_)
    places = np.searchsorted(keys, names, sorter=order).clip(max=len(keys) - 1)
    positions = order[places]
    return np.where(keys[positions] == names, positions, MISSING)
