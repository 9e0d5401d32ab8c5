"""Figures of all reports: colors of the frequency groups, headless figures, labels."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imbdet.files import atomic_write

GROUP_NAMES = {'r': 'rare', 'c': 'common', 'f': 'frequent'}
GROUP_COLORS = {'r': '#c0392b', 'c': '#d68910', 'f': '#1f618d'}
RUN_COLORS = ('#34495e', '#16a085', '#8e44ad', '#e67e22', '#3498db', '#e84393', '#a2b10f', '#7b4a12')
"""Colors of compared runs, the baseline first."""
DPI = 120


def new_figure(width: float, height: float) -> Any:
    """Make a matplotlib figure that is drawn in memory, with or without a display.

    Args:
        width: Width in inches.
        height: Height in inches.

    Returns:
        A matplotlib ``Figure``.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("pictures need matplotlib; run pip install 'imbdet[plots]'") from error
    figure = Figure(figsize=(width, height), layout='constrained')
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Any, out: str | Path) -> Path:
    """Write a figure as PNG.

    Args:
        figure: A matplotlib ``Figure``.
        out: PNG to write.

    Returns:
        ``out``.
    """
    figure.set_dpi(DPI)
    with atomic_write(out) as path:
        figure.canvas.print_png(path)  # savefig would draw the figure twice
    return Path(out)


def train_images_axis(axes: Any) -> None:
    """Make x a log axis of training images, with plain numbers.

    Args:
        axes: The axes.
    """
    axes.set_xscale('log')
    axes.xaxis.set_major_formatter('{x:g}')
    axes.set_xlabel('training images of the class')


def mark_groups(axes: Any, counts: np.ndarray, groups: np.ndarray) -> None:
    """Label the frequency groups above an axis of training images, and draw their limits.

    Groups that overlap on the axis, which is possible with frequencies from a file, are not marked.

    Args:
        axes: Axes with training images as x.
        counts: Training images of each class, shape (C,), above 0.
        groups: ``'r'``, ``'c'`` or ``'f'``, shape (C,).
    """
    spans = [(group, counts[groups == group].min(), counts[groups == group].max()) for group in GROUP_NAMES
             if (groups == group).any()]
    if any(left[2] >= right[1] for left, right in itertools.pairwise(spans)):
        return
    for group, low, high in spans:
        axes.text(np.sqrt(low * high), 1.01, GROUP_NAMES[group], transform=axes.get_xaxis_transform(), ha='center',
                  va='bottom', fontsize=9, color=GROUP_COLORS[group])
    for left, right in itertools.pairwise(spans):
        axes.axvline(np.sqrt(left[2] * right[1]), color='#7f8c8d', linewidth=0.8, linestyle=':')


def label_points(axes: Any, x: np.ndarray, y: np.ndarray, names: Sequence[str]) -> None:
    """Write names next to points where there is space; the limits and scales of the axes have to be final.

    Args:
        axes: The axes with the points.
        x: Their x coordinates, shape (n,).
        y: Their y coordinates, shape (n,).
        names: Their names.
    """
    from matplotlib.patheffects import withStroke
    figure = axes.figure
    figure.draw_without_rendering()  # computes the layout, so that pixel coordinates are known
    points = axes.transData.transform(np.column_stack([x, y]))
    taken = [(px - 3, py - 3, px + 3, py + 3) for px, py in points]
    frame = axes.get_window_extent()
    for name, *place in zip(names, x, y, strict=True):
        for dx, dy, side in ((4, 3, 'left'), (-4, 3, 'right'), (4, -9, 'left'), (-4, -9, 'right')):
            text = axes.annotate(name, place, xytext=(dx, dy), textcoords='offset points', fontsize=7, ha=side,
                                 parse_math=False, path_effects=[withStroke(linewidth=2, foreground='white')])
            box = text.get_window_extent()
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if inside and not any(box.x0 < right and left < box.x1 and box.y0 < top and bottom < box.y1
                                  for left, bottom, right, top in taken):
                taken.append((box.x0, box.y0, box.x1, box.y1))
                break
            text.remove()
