"""Figures of the imbalance of a data set: classes and boxes."""

from pathlib import Path
from typing import Any

import numpy as np

from imbdet.classes.frequency_groups import GROUPS
from imbdet.reports.dataset.imbalance import BURSTY_RATIO, SIZES, Imbalance
from imbdet.reports.drawing.figures import GROUP_COLORS, GROUP_NAMES, label_points, new_figure, save_figure

MOST_ROWS = 40
"""Up to this many classes, each has a row with its name."""
MOST_LABELS = 15
"""Maximum number of bursty classes with a name, if there are more classes."""
NONE = 0.5
"""Position of a class without images or boxes on a log axis, which has no 0."""
SIZE_COLORS = ('#aed6f1', '#5499c7', '#1a5276')


def draw_class_counts(out: Path, imbalance: Imbalance) -> Path:
    """Draw images and boxes of each class on a log axis, the commonest class first, over the bands of the groups.

    Args:
        out: PNG to write.
        imbalance: The counts.

    Returns:
        ``out``.
    """
    number = len(imbalance.names)
    order = np.lexsort((-imbalance.instance_counts, -imbalance.image_counts))
    images, boxes = (np.maximum(counts[order], NONE) for counts in (imbalance.image_counts, imbalance.instance_counts))
    colors = [GROUP_COLORS[group] for group in imbalance.groups[order]]
    places = np.arange(number)
    in_rows = number <= MOST_ROWS
    figure = new_figure(8, 1.4 + 0.24 * max(number, 3)) if in_rows else new_figure(8, 5)
    axes = figure.add_subplot()
    if in_rows:
        axes.hlines(places, images, boxes, color='#bdc3c7', linewidth=1.5, zorder=1)
        axes.scatter(boxes, places, s=62, facecolor='white', edgecolor='#566573', zorder=2)
        axes.scatter(images, places, s=30, color=colors, zorder=3)
        axes.set_yticks(places, [imbalance.names[index] for index in order], fontsize=8, parse_math=False)
        axes.set_ylim(number - 0.4, -0.6)
        axes.set_xscale('log')
        axes.set_xlabel('images (filled) and boxes (hollow), log axis' + _zero_note(imbalance))
    else:
        axes.scatter(places, boxes, s=5, color='#aab7b8', zorder=2)
        axes.scatter(places, images, s=6, color=colors, zorder=3)
        axes.set_yscale('log')
        axes.set_xlim(-0.01 * number, 1.01 * number)
        axes.set_xlabel('classes, those with the most images first')
        axes.set_ylabel('images and boxes, log axis' + _zero_note(imbalance))
    _draw_bands(axes, imbalance, vertical=in_rows, most=float(boxes.max()))
    _legend(axes, [(GROUP_NAMES[group], GROUP_COLORS[group], True) for group in GROUPS
                   if (imbalance.groups == group).any()] + [('boxes', '#566573' if in_rows else '#aab7b8', not in_rows)])
    return save_figure(figure, out)


def draw_boxes_per_image(out: Path, imbalance: Imbalance) -> Path:
    """Draw images against boxes of each class, and mark the bursty ones.

    Args:
        out: PNG to write.
        imbalance: The counts.

    Returns:
        ``out``.
    """
    figure = new_figure(8, 5.5)
    axes = figure.add_subplot()
    seen = imbalance.image_counts > 0
    usual = imbalance.median_boxes_per_image
    size = 30 if len(imbalance.names) <= MOST_ROWS else 12
    for group in GROUPS:
        members = seen & (imbalance.groups == group)
        if members.any():
            axes.scatter(imbalance.image_counts[members], imbalance.instance_counts[members], s=size,
                         color=GROUP_COLORS[group], label=GROUP_NAMES[group], zorder=2)
    bursty = imbalance.is_bursty
    if bursty.any():
        axes.scatter(imbalance.image_counts[bursty], imbalance.instance_counts[bursty], s=3.2 * size, facecolor='none',
                     edgecolor='#17202a', linewidth=1, label=f'bursty: {np.count_nonzero(bursty)} classes', zorder=3)
    axes.set_xscale('log')
    axes.set_yscale('log')
    axes.margins(0.08)
    if seen.any():
        ends = np.array(axes.get_xlim())
        limits = axes.get_xlim(), axes.get_ylim()
        axes.plot(ends, usual * ends, color='#566573', linewidth=1, label=f'median class: {usual:.3g} boxes per image',
                  zorder=1)
        axes.plot(ends, BURSTY_RATIO * usual * ends, color='#566573', linewidth=1, linestyle='--',
                  label=f'bursty from {BURSTY_RATIO * usual:.3g} boxes per image', zorder=1)
        axes.set_xlim(limits[0])
        axes.set_ylim(limits[1])
    axes.set_xlabel('images with the class, log axis')
    axes.set_ylabel('boxes of the class, log axis')
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, loc='upper left')
    # Space is limited: the burstiest get their names first, then, if there are not too many, the others.
    ranked = np.argsort(-np.where(seen, imbalance.boxes_per_image, -1), kind='stable')
    few = len(imbalance.names) <= MOST_ROWS
    named = [index for index in ranked if seen[index] and (few or bursty[index])][:None if few else MOST_LABELS]
    label_points(axes, imbalance.image_counts[named].astype(float), imbalance.instance_counts[named].astype(float),
                 [imbalance.names[index] for index in named])
    return save_figure(figure, out)


def draw_box_sizes(out: Path, imbalance: Imbalance) -> Path:
    """Draw the shares of small, medium and large boxes in each group.

    Args:
        out: PNG to write.
        imbalance: The counts.

    Returns:
        ``out``.
    """
    rows = [(GROUP_NAMES[group], counts) for group, counts in zip(GROUPS, imbalance.size_counts, strict=True)
            if (imbalance.groups == group).any()] + [('all', imbalance.size_counts.sum(axis=0))]
    figure = new_figure(8, 1.2 + 0.42 * len(rows))
    axes = figure.add_subplot()
    for place, (_, counts) in enumerate(rows):
        shares = 100 * counts / max(counts.sum(), 1)
        starts = np.cumsum(shares) - shares
        for size, (share, start) in enumerate(zip(shares, starts, strict=True)):
            axes.barh(place, share, left=start, color=SIZE_COLORS[size], height=0.7,
                      label=SIZES[size] if place == 0 else None)
            if share >= 4:
                axes.text(start + share / 2, place, f'{share:.0f} %', ha='center', va='center', fontsize=8,
                          color='white' if size == 2 else 'black')
    axes.set_yticks(range(len(rows)), [f'{name} ({counts.sum():,} boxes)' for name, counts in rows], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel('% of the boxes of the group')
    figure.legend(*axes.get_legend_handles_labels(), loc='outside upper center', ncols=3, fontsize=9, frameon=False)
    return save_figure(figure, out)


def _draw_bands(axes: Any, imbalance: Imbalance, vertical: bool, most: float) -> None:
    """Shade the ranges of image counts of rare, common and frequent classes."""
    least = NONE * 0.8 if (imbalance.image_counts == 0).any() else 0.8
    # A class with exactly rare_max images is rare: the limit is above it.
    limits = [least, *(max(limit + 0.5, least) for limit in imbalance.limits), max(1.6 * most, 10)]
    span = axes.axvspan if vertical else axes.axhspan
    (axes.set_xlim if vertical else axes.set_ylim)(limits[0], limits[-1])
    for group, low, high in zip(GROUPS, limits, limits[1:], strict=False):
        high = min(high, limits[-1])
        if high > low:
            span(low, high, color=GROUP_COLORS[group], alpha=0.07, linewidth=0, zorder=0)


def _zero_note(imbalance: Imbalance) -> str:
    return f'; classes with none at {NONE:g}' if (imbalance.image_counts == 0).any() else ''


def _legend(axes: Any, entries: list[tuple[str, str, bool]]) -> None:
    """Add a legend of the colors above the axes; the last entry is a hollow point if its third item is False."""
    from matplotlib.lines import Line2D
    handles = [Line2D([], [], linestyle='none', marker='o', markersize=6, markeredgecolor=color,
                      markerfacecolor=color if filled else 'white', label=label if label == 'boxes' else f'images, {label}')
               for label, color, filled in entries]
    axes.figure.legend(handles=handles, loc='outside upper center', ncols=len(handles), fontsize=9, frameon=False)
