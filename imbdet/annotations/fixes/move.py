"""Boxes, polygons and run-length masks turned by an EXIF orientation, or scaled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from imbdet.annotations.fixes.json_numbers import are_numbers
from imbdet.annotations.fixes.run_lengths import decode, encode
from imbdet.annotations.masks import mask_fault

TURNED_PIXELS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: pixels[::-1, ::-1],
    4: np.flipud,
    5: np.transpose,
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].T,
    8: np.rot90,
}
"""How an image is shown, by its EXIF orientation."""


@dataclass(frozen=True)
class Turn:
    """From the pixels as they are stored to those that are shown.

    Args:
        orientation: EXIF orientation, 1 to 8.
        width: Width of the stored pixels.
        height: Their height.
    """

    orientation: int
    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height to start from."""
        return self.width, self.height

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Move a point; pixel (0, 0) extends from 0 to 1."""
        right, bottom = self.width - x, self.height - y
        return {1: (x, y), 2: (right, y), 3: (right, bottom), 4: (x, bottom),
                5: (y, x), 6: (bottom, x), 7: (bottom, right), 8: (y, right)}[self.orientation]

    def box(self, x: float, y: float, width: float, height: float) -> list[float]:
        """Move a box x, y, width, height; its sides stay as they are."""
        (x1, y1), (x2, y2) = self.point(x, y), self.point(x + width, y + height)
        sides = (height, width) if self.orientation >= 5 else (width, height)
        return [min(x1, x2), min(y1, y2), *sides]

    def pixels(self, mask: np.ndarray) -> np.ndarray:
        """Move a mask, shape (height, width)."""
        return TURNED_PIXELS[self.orientation](mask)


@dataclass(frozen=True)
class Scale:
    """From one size of an image to another.

    Args:
        size: Width and height to start from.
        new_size: Width and height to scale to.
    """

    size: tuple[int, int]
    new_size: tuple[int, int]

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Move a point."""
        return x * self.new_size[0] / self.size[0], y * self.new_size[1] / self.size[1]

    def box(self, x: float, y: float, width: float, height: float) -> list[float]:
        """Move a box x, y, width, height."""
        return [*self.point(x, y), *self.point(width, height)]

    def pixels(self, mask: np.ndarray) -> np.ndarray:
        """Move a mask, shape (height, width), by the nearest pixel."""
        (width, height), (new_width, new_height) = self.size, self.new_size
        rows = (np.arange(new_height) + 0.5) * height / new_height
        columns = (np.arange(new_width) + 0.5) * width / new_width
        return mask[rows.astype(int)[:, None], columns.astype(int)]


def move_annotation(annotation: dict, move: Turn | Scale) -> None:
    """Move the box and the mask of an annotation, in place.

    What is malformed stays as it is, as does a run-length mask of another size, which already belongs to the image file.

    Args:
        annotation: Entry of ``annotations``, whose box is x, y, width, height in pixels.
        move: Where to.
    """
    box, segmentation = annotation.get('bbox'), annotation.get('segmentation')
    if are_numbers(box, 4):
        annotation['bbox'] = move.box(*box)
    if isinstance(segmentation, dict):
        if mask_fault(segmentation, *move.size) is None:
            annotation['segmentation'] = encode(move.pixels(decode(segmentation)))
    elif segmentation is not None:
        annotation['segmentation'] = _moved_points(segmentation, move)


def _moved_points(values: Any, move: Turn | Scale) -> Any:
    """Move the points x, y, x, y, ... of polygons in lists of any depth."""
    if are_numbers(values) and len(values) % 2 == 0:
        points = zip(values[::2], values[1::2], strict=True)
        return [value for x, y in points for value in move.point(x, y)]
    return [_moved_points(value, move) for value in values] if isinstance(values, list) else values
