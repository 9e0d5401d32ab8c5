"""Groups of images that must not be divided, such as the frames of a video or the images of a patient."""

import re
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

LVIS_URL = 'http://images.cocodataset.org/'
"""What mmdet removes from ``coco_url`` to get the file name."""


def image_name(image: dict[str, Any]) -> str | None:
    """Return the file name of an image: ``file_name``, or what mmdet takes from ``coco_url`` in LVIS files without it.

    Args:
        image: An entry of ``images``.

    Returns:
        The name; None if there is neither.
    """
    name = image.get('file_name') or str(image.get('coco_url') or '').replace(LVIS_URL, '')
    return str(name) if name else None


def group_names(images: Sequence[dict[str, Any]], rule: str) -> list[Hashable]:
    """Name the group of each image.

    Args:
        images: The entries of ``images``.
        rule: A key of the entries, such as ``'video_id'``, whose values name the groups; or a regular expression that is
            searched in the file names, whose first group, or the whole match if it has none, names the group of the image.

    Returns:
        A name for each image.

    Raises:
        ValueError: If images lack the key or do not match, a value is a list or an object, or the rule is neither a key nor a
            regular expression.
    """
    if any(rule in image for image in images):
        names = [None if image.get(rule) == '' else image.get(rule) for image in images]
        _check_names(images, names, f'have no {rule!r}; add it to all images')
        unfit = next((image for image, name in zip(images, names, strict=True) if isinstance(name, list | dict)), None)
        if unfit is not None:
            raise ValueError(f'{rule!r} of image {unfit["id"]} is a {type(unfit[rule]).__name__}; a group is named by text or '
                             'a number')
        return [str(name) for name in names]  # 7 and '7' are one group
    if re.escape(rule) == rule:
        keys = ', '.join(sorted({key for image in images for key in image}))
        raise ValueError(f'no image has the key {rule!r}; the keys are {keys}. A pattern of file names is a regular '
                         r"expression, such as 'patient\d+'")
    try:
        pattern = re.compile(rule)
    except re.error as error:
        raise ValueError(f'{rule!r} is neither a key of the images nor a regular expression: {error}') from error
    matches = [pattern.search(image_name(image) or '') for image in images]
    names = [match and match[1 if pattern.groups else 0] for match in matches]
    _check_names(images, names, f"have a file name that does not match '{rule}'; change the pattern")
    return names


def join_groups(*labels: Sequence[Hashable]) -> np.ndarray:
    """Join images that share a label, directly or through other images.

    Args:
        labels: Labels of N images from one or more sources, each of length N; images with equal labels of a source are in
            the same group.

    Returns:
        Group of each image, shape (N,), int64, numbered from 0.
    """
    number = len(labels[0])
    nodes: list[int] = []
    total = number
    for source in labels:
        positions: dict[Hashable, int] = {}
        nodes += [total + positions.setdefault(label, len(positions)) for label in source]
        total += len(positions)
    images = np.tile(np.arange(number), len(labels))
    graph = csr_array((np.ones(len(nodes), dtype=np.int8), (images, nodes)), shape=(total, total))
    return connected_components(graph, directed=False)[1][:number].astype(np.int64)


def _check_names(images: Sequence[dict[str, Any]], names: Sequence[Any], fault: str) -> None:
    unnamed = [image for image, name in zip(images, names, strict=True) if name is None]
    if unnamed:
        raise ValueError(f'{len(unnamed)} of {len(images)} images {fault} (the first is image {unnamed[0]["id"]}, '
                         f'{image_name(unnamed[0])!r})')
