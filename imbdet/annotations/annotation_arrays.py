"""NumPy arrays of the boxes and images of an annotation file."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np

from imbdet.annotations.reader import Annotation, AnnotationFile

NO_BOX = (np.nan, ) * 4


@dataclass(frozen=True)
class AnnotationArrays:
    """A row for each of B annotations, and for each of I entries of ``images``, in the file's order.

    Attributes:
        images: Position of each annotation's image in ``images``, shape (B,), int64; -1 if the file does not list it, the
            last one if its id is not unique.
        categories: Position of each annotation's category in ``categories``, with the same rules.
        bbox_lengths: How many numbers its ``bbox`` has, shape (B,), int64; -1 if there is none.
        boxes: x, y, width and height in pixels, shape (B, 4), float64; NaN where ``bbox`` is not four numbers.
        has_area: Whether it has an ``area``, shape (B,), bool.
        areas: Area in square pixels, shape (B,), float64; NaN if there is none.
        is_ignored: Whether it is a crowd or ignored box, which is not an object to train on, shape (B,), bool.
        image_sizes: Width and height of each image in pixels, shape (I, 2), float64; NaN where there is none.
        is_listed: Whether an entry of ``images`` is the one that counts, shape (I,), bool: of several with one id the last.
    """

    images: np.ndarray
    categories: np.ndarray
    bbox_lengths: np.ndarray
    boxes: np.ndarray
    has_area: np.ndarray
    areas: np.ndarray
    is_ignored: np.ndarray
    image_sizes: np.ndarray
    is_listed: np.ndarray


def to_arrays(content: AnnotationFile) -> AnnotationArrays:
    """Convert the entries of an annotation file to arrays, in one pass for each.

    Args:
        content: Content of the file; it may have any of the faults that :mod:`imbdet.annotations.faults` finds.

    Returns:
        The arrays.
    """
    entries = content.annotations
    image_positions = {image.id: position for position, image in enumerate(content.images)}
    category_positions = {category.id: position for position, category in enumerate(content.categories)}

    def column(value: Callable[[Annotation], object], dtype: type) -> np.ndarray:
        return np.fromiter(map(value, entries), dtype, len(entries))

    lengths = column(lambda entry: -1 if entry.bbox is None else len(entry.bbox), np.int64)
    sides: Iterable[float] = chain.from_iterable(entry.bbox if length == 4 else NO_BOX  # type: ignore[misc]
                                                 for entry, length in zip(entries, lengths.tolist(), strict=True))
    has_area = column(lambda entry: entry.area is not None, np.bool_)
    sizes = [(np.nan if image.width is None else image.width, np.nan if image.height is None else image.height)
             for image in content.images]
    is_listed = np.zeros(len(content.images), dtype=bool)
    is_listed[list(image_positions.values())] = True
    return AnnotationArrays(
        images=column(lambda entry: image_positions.get(entry.image_id, -1), np.int64),
        categories=column(lambda entry: category_positions.get(entry.category_id, -1), np.int64),
        bbox_lengths=lengths,
        boxes=np.fromiter(sides, np.float64, 4 * len(entries)).reshape(-1, 4),
        has_area=has_area,
        areas=column(lambda entry: np.nan if entry.area is None else entry.area, np.float64),
        is_ignored=column(lambda entry: entry.is_ignored, np.bool_),
        image_sizes=np.array(sizes, dtype=np.float64).reshape(-1, 2),
        is_listed=is_listed)
