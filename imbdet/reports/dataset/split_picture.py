"""Picture of a split: share of each class in validation against its number of images, beside a random split."""

from pathlib import Path
from typing import Any

import numpy as np

from imbdet.reports.dataset.split_numbers import PartCounts, SplitFindings
from imbdet.reports.drawing.figures import label_points, new_figure, save_figure

COLOR, MISSING_COLOR = '#1f618d', '#c0392b'
MOST_LABELS = 12
"""Maximum number of classes with a name."""
LEAST_LABELED = 0.1
"""Classes closer than this to the wanted share, relative to it, have no name."""


def draw_split(out: Path, findings: SplitFindings) -> Path:
    """Draw the share of each class's images in validation, of the split and of the random split with the same seed.

    Args:
        out: PNG to write.
        findings: The split; at least one class has images.

    Returns:
        ``out``.
    """
    figure = new_figure(10, 4.6)
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    splits = (('this split', findings.split), ('random split', findings.random[0]))
    wanted = 100 * findings.split.shares[findings.split.validation[0]]
    highest = max(wanted, *(100 * float(np.nanmax(split.image_shares)) for _, split in splits))
    axes[0].set_xscale('log')
    axes[0].xaxis.set_major_formatter('{x:g}')
    axes[0].set_ylim(-0.05 * highest, 1.08 * highest)
    counts = findings.split.images.sum(axis=0)
    axes[0].set_xlim(0.6 * counts[counts > 0].min(), 1.6 * counts.max())
    for place, (title, split) in zip(axes, splits, strict=True):
        place.axhline(wanted, color='#566573', linewidth=1, zorder=1)
        place.grid(alpha=0.25)
        _draw_shares(place, split)
        place.set_title(title, fontsize=11)
        place.set_xlabel('images of the class, log axis')
    axes[0].set_ylabel(f"% of the class's images in {'each fold' if findings.options.is_folds else 'validation'}")
    figure.draw_without_rendering()
    figure.set_layout_engine('none')  # keep the layout: names do not change it
    for place, (_, split) in zip(axes, splits, strict=True):
        _label(place, split, findings)
    return save_figure(figure, out)


def _draw_shares(axes: Any, split: PartCounts) -> None:
    counts = np.broadcast_to(split.images.sum(axis=0), split.image_shares.shape)
    is_missing = split.not_in_validation
    size = 26 if split.image_shares.size <= 100 else 9
    drawn = (counts > 0) & ~is_missing
    axes.scatter(counts[drawn], 100 * split.image_shares[drawn], s=size, color=COLOR, alpha=0.7, linewidth=0, zorder=2)
    if is_missing.any():
        axes.scatter(counts[is_missing], np.zeros(np.count_nonzero(is_missing)), s=1.6 * size, marker='x', color=MISSING_COLOR,
                     zorder=3, label=f'missing: {np.count_nonzero(is_missing)}')
        axes.legend(fontsize=8, loc='upper right')


def _label(axes: Any, split: PartCounts, findings: SplitFindings) -> None:
    """Name the classes that are furthest from the wanted share, each once."""
    deviations = np.nan_to_num(split.deviations()[0])
    rows = deviations.argmax(axis=0)
    furthest = deviations.max(axis=0)
    columns = np.argsort(-furthest, kind='stable')[:MOST_LABELS]
    columns = columns[furthest[columns] > LEAST_LABELED * split.shares[split.validation[0]]]
    label_points(axes, split.images.sum(axis=0)[columns].astype(float), 100 * split.image_shares[rows[columns], columns],
                 [findings.names[column] for column in columns])
