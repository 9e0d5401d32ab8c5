"""Names next to all points of a picture, moved apart where points are close to each other."""

from collections.abc import Sequence
from typing import Any

import numpy as np

DISTANCES = (9, 16, 24, 34, 46, 60, 80, 100, 130, 160)
"""Distances between a point and its name that are tried, in typographic points."""
ANGLES = np.deg2rad([40, 140, -40, -140, 65, 115, -65, -115, 90, -90, 15, 165, -15, -165])
DIRECTIONS = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]).round(6)
MARKER = 5
"""Half the size of a point, in typographic points."""


def name_points(axes: Any, points: Sequence[tuple[str, float, float]]) -> None:
    """Write each name as close to its point as there is space, with a thin line between them if it is not next to it.

    Args:
        axes: The axes with the points; their limits and scales have to be final.
        points: Name, x and y of each.
    """
    from matplotlib.patheffects import withStroke

    axes.figure.draw_without_rendering()  # computes the layout, so that pixel coordinates are known
    scale = axes.figure.dpi / 72
    frame = axes.get_window_extent().extents
    places = axes.transData.transform([point for _, *point in points])
    taken = [np.concatenate([place - MARKER * scale, place + MARKER * scale]) for place in places]
    for (name, *point), place in zip(points, places, strict=True):
        text = axes.annotate(name, point, xytext=(0, 0), textcoords='offset points', fontsize=8, parse_math=False, ha='center',
                             va='center', path_effects=[withStroke(linewidth=2, foreground='white')],
                             arrowprops=dict(arrowstyle='-', linewidth=0.6, color='#7f8c8d', shrinkA=0, shrinkB=MARKER))
        extent = text.get_window_extent()
        size = np.array([extent.width + 3 * scale, extent.height])
        shift, distance = free_shift(place, size, taken, frame, scale)
        text.set_position(shift / scale)
        text.arrow_patch.set_visible(distance > DISTANCES[0])
        taken.append(name_box(place, shift, size))


def free_shift(place: np.ndarray, size: np.ndarray, taken: Sequence[np.ndarray], frame: np.ndarray,
               scale: float = 1.0) -> tuple[np.ndarray, int]:
    """Find a free place for a name near its point.

    Args:
        place: The point, shape (2,), in pixels.
        size: Width and height of the name in pixels, shape (2,).
        taken: Boxes of what is already there: left, bottom, right, top, in pixels.
        frame: The box that the name must be in.
        scale: Pixels per typographic point.

    Returns:
        Shift from the point to the center of the name, shape (2,), in pixels, and the distance of the two, of ``DISTANCES``. If
        there is no free place, it is the nearest, so that names overlap rather than being left out.
    """
    shifts = [(distance * scale * direction + np.array([size[0] / 2 * np.sign(direction[0]), 0]), distance)
              for distance in DISTANCES for direction in DIRECTIONS]
    return next((found for found in shifts if _is_free(name_box(place, found[0], size), taken, frame)), shifts[0])


def name_box(place: np.ndarray, shift: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the box of a name: left, bottom, right, top."""
    return np.concatenate([place + shift - size / 2, place + shift + size / 2])


def _is_free(box: np.ndarray, taken: Sequence[np.ndarray], frame: np.ndarray) -> bool:
    inside = (box[:2] >= frame[:2]).all() and (box[2:] <= frame[2:]).all()
    return bool(inside) and not any((box[:2] < other[2:]).all() and (other[:2] < box[2:]).all() for other in taken)
