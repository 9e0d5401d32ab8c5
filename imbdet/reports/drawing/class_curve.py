"""Class curve: AP of each class against its number of training images."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imbdet.classes.frequency_groups import GROUPS
from imbdet.reports.drawing.figures import (
    GROUP_COLORS,
    GROUP_NAMES,
    RUN_COLORS,
    label_points,
    mark_groups,
    new_figure,
    save_figure,
    train_images_axis,
)

MAX_LABELED_CLASSES = 40
"""Maximum number of classes for which a picture shows names."""
MIN_CLASSES_FOR_LINE = 8


def draw_class_curve(class_ap_csv: str | Path, out: str | Path, title: str = 'AP of each class') -> Path:
    """Draw AP against training images, one point per class, with the mean of each frequency group.

    Args:
        class_ap_csv: ``class_ap_bbox.csv`` or ``class_ap_segm.csv``, as LongTailMetric writes them.
        out: PNG to write.
        title: Title of the picture.

    Returns:
        ``out``.

    Raises:
        ValueError: If the file has no class with both training images and an AP.
    """
    with open(class_ap_csv, newline='', encoding='utf-8') as file:
        rows = [row for row in csv.DictReader(file) if row['train_images'] and row['AP']]
    if not rows:
        raise ValueError(f'{class_ap_csv} has no class with both a number of training images and an AP; set train_ann_file '
                         'of LongTailMetric')
    counts, precisions = (np.array([float(row[key]) for row in rows]) for key in ('train_images', 'AP'))
    return draw_class_curves(out, [row['name'] for row in rows], np.array([row['frequency'] for row in rows]), counts,
                             {'': precisions}, title)


def draw_class_curves(out: str | Path, names: Sequence[str], groups: np.ndarray, counts: np.ndarray,
                      runs: dict[str, np.ndarray], title: str = 'AP of each class') -> Path:
    """Draw AP against training images for one run or several, with a running mean over the classes.

    The points of a single run are colored by frequency group, and the means of the groups are also drawn.

    Args:
        out: PNG to write.
        names: Names of C classes.
        groups: ``'r'``, ``'c'`` or ``'f'``, shape (C,).
        counts: Training images, shape (C,).
        runs: AP of the classes by the run's name, shape (C,), NaN for a class without ground truth; at most eight.
        title: Title of the picture.

    Returns:
        ``out``.
    """
    return save_figure(class_curves_figure(names, groups, counts, runs, title), out)


def class_curves_figure(names: Sequence[str], groups: np.ndarray, counts: np.ndarray, runs: dict[str, np.ndarray],
                        title: str = 'AP of each class') -> Any:
    """Return the figure that :func:`draw_class_curves` saves.

    Args:
        names: Names of C classes.
        groups: ``'r'``, ``'c'`` or ``'f'``, shape (C,).
        counts: Training images, shape (C,).
        runs: AP of the classes by the run's name, shape (C,), NaN for a class without ground truth; at most eight.
        title: Title of the picture.

    Returns:
        A matplotlib ``Figure``.
    """
    figure = new_figure(8, 4.8)
    axes = figure.add_subplot()
    # A class without training images has no place on a log axis; it is drawn at one half.
    places = np.maximum(counts, 0.5)
    defined = ~np.isnan(next(iter(runs.values())))
    number = int(defined.sum())
    average = f'running mean of {running_mean_width(number)} classes'
    size, alpha = (28, 1) if len(names) <= MAX_LABELED_CLASSES else (9, 0.45)
    for color, (run, precisions) in zip(RUN_COLORS, runs.items(), strict=False):
        if len(runs) == 1:
            _draw_groups(axes, groups[defined], places[defined], precisions[defined], size, alpha)
        else:
            axes.scatter(places[defined], precisions[defined], color=color, s=size, alpha=0.7 * alpha, linewidths=0)
        if number >= MIN_CLASSES_FOR_LINE:
            axes.plot(*running_mean(places[defined], precisions[defined], running_mean_width(number)), linewidth=2,
                      color=RUN_COLORS[0] if len(runs) == 1 else color, label=average if len(runs) == 1 else run)
        elif len(runs) > 1:
            axes.plot([], [], 'o', color=color, label=run)
    train_images_axis(axes)
    axes.set_ylim(bottom=0)
    axes.set_ylabel('AP')
    axes.set_title(title, pad=18, parse_math=False)
    axes.grid(alpha=0.25)
    mark_groups(axes, places[defined], groups[defined])
    legend = figure.legend(loc='outside lower center', ncols=2, fontsize=9, frameon=False)
    if len(runs) > 1 and number >= MIN_CLASSES_FOR_LINE:
        legend.set_title(f'points: classes; lines: {average}', {'size': 9})
    if len(names) <= MAX_LABELED_CLASSES and len(runs) == 1:
        shown = [name for name, is_defined in zip(names, defined, strict=True) if is_defined]
        label_points(axes, places[defined], precisions[defined], shown)
    return figure


def _draw_groups(axes: Any, groups: np.ndarray, places: np.ndarray, precisions: np.ndarray, size: float,
                 alpha: float) -> None:
    """Draw the points of each group and their mean."""
    for group in GROUPS:
        in_group = groups == group
        if in_group.any():
            mean, color = precisions[in_group].mean(), GROUP_COLORS[group]
            axes.scatter(places[in_group], precisions[in_group], color=color, s=size, alpha=alpha, linewidths=0,
                         label=f'{GROUP_NAMES[group]}: AP{group} {mean:.3f}')
            axes.hlines(mean, places[in_group].min() / 1.08, places[in_group].max() * 1.08, color=color, linewidth=1.5,
                        alpha=0.6)


def running_mean_width(number: int) -> int:
    """Return the number of classes per running mean: an eighth of all, at least five."""
    return min(number, max(5, number // 8))


def running_mean(counts: np.ndarray, values: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Average over neighboring classes in the order of their training images.

    Args:
        counts: Training images of C classes, shape (C,), above 0.
        values: Values of the classes, shape (C,).
        size: Classes to average over, from 1 to C.

    Returns:
        Geometric mean of the counts and mean of the values of each run of ``size`` classes, shape (C - size + 1,).
    """
    order = np.argsort(counts, kind='stable')
    means = [np.convolve(column[order], np.full(size, 1 / size), mode='valid') for column in (np.log(counts), values)]
    return np.exp(means[0]), means[1]
