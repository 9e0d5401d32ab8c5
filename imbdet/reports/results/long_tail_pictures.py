"""Figures of the long-tail report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imbdet.evaluation.calibration import pool
from imbdet.evaluation.tide_errors import ERROR_TYPES
from imbdet.reports.drawing.class_curve import MAX_LABELED_CLASSES, MIN_CLASSES_FOR_LINE, running_mean, running_mean_width
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
from imbdet.reports.results.long_tail_numbers import SCOPES, EvaluatedClasses, Run, mean_over_seeds

SUMMARY = ('AP', 'APr', 'APc', 'APf')
SCOPE_NAMES = {'all': 'all', **GROUP_NAMES}


def draw_summary(out: Path, runs: Sequence[Run]) -> Path:
    """Draw AP, APr, APc and APf of each run: means over seeds, standard deviations, and the seeds themselves.

    Args:
        out: PNG to write.
        runs: R runs, at most eight.

    Returns:
        ``out``.
    """
    figure = new_figure(8, 4)
    axes = figure.add_subplot()
    seeds = [np.array([[file.summary[name] for name in SUMMARY] for file in run.files]) for run in runs]
    _draw_bars(axes, runs, seeds, 0.005)
    axes.set_xticks(range(len(SUMMARY)), ['AP\nall', 'APr\nrare', 'APc\ncommon', 'APf\nfrequent'])
    axes.set_ylim(0, 1.15 * max(float(np.nanmax([_top(values) for values in seeds])), 1e-3))
    axes.set_ylabel('AP')
    figure.legend(loc='outside lower center', ncols=3, fontsize=9, frameon=False)
    return save_figure(figure, out)


def draw_errors(out: Path, runs: Sequence[Run]) -> Path:
    """Draw the AP50 gained by fixing each type of error, for all classes and for each group.

    Args:
        out: PNG to write.
        runs: R runs, at most eight.

    Returns:
        ``out``.
    """
    figure = new_figure(8, 6)
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    seeds = [np.array([file.ap50_gains for file in run.files]) for run in runs]
    for row, (axes, scope) in enumerate(zip(panels.flat, SCOPES, strict=True)):
        _draw_bars(axes, runs, [values[:, row] for values in seeds], None)
        axes.axhline(0, color='black', linewidth=0.8)
        axes.set_title(f'{SCOPE_NAMES[scope]} classes', fontsize=10, color=GROUP_COLORS.get(scope, 'black'))
        axes.set_xticks(range(len(ERROR_TYPES)), ERROR_TYPES, rotation=35, ha='right')
    for axes in panels[:, 0]:
        axes.set_ylabel('AP50 gained')
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc='outside lower center', ncols=3, fontsize=9, frameon=False)
    return save_figure(figure, out)


def _top(seeds: np.ndarray) -> np.ndarray:
    """Return the top of each bar: the highest seed, or the mean plus its deviation."""
    mean, deviation = mean_over_seeds(list(seeds))
    return np.maximum(seeds.max(0), mean + np.nan_to_num(deviation))


def _draw_bars(axes: Any, runs: Sequence[Run], seeds: Sequence[np.ndarray], text_gap: float | None) -> None:
    """Draw a group of bars for each of K numbers, with one bar per run; the numbers of a run have shape (S, K)."""
    width = 0.8 / len(runs)
    for index, (run, values) in enumerate(zip(runs, seeds, strict=True)):
        places = np.arange(values.shape[1]) - 0.4 + (index + 0.5) * width
        mean, deviation = mean_over_seeds(list(values))
        axes.bar(places, mean, 0.9 * width, color=RUN_COLORS[index], label=_label(run))
        if len(values) > 1:
            axes.errorbar(places, mean, deviation, fmt='none', ecolor='black', elinewidth=1, capsize=min(3, 20 * width))
            offsets = np.linspace(-0.2, 0.2, len(values)) * width
            axes.scatter((places + offsets[:, None]).ravel(), values.ravel(), s=7, color='white', edgecolors='black',
                         linewidths=0.6, zorder=3)
        for place, value, top in zip(places, mean, _top(values), strict=True):
            if np.isnan(value):
                axes.text(place, 0, 'none', rotation=90, fontsize=7, ha='center', va='bottom', color='#7f8c8d')
            elif text_gap is not None:
                axes.text(place, top + text_gap, f'{value:.3f}', ha='center', va='bottom', fontsize=8,
                          rotation=90 if len(runs) > 3 else 0)
    axes.grid(axis='y', alpha=0.25)
    axes.set_axisbelow(True)


def _label(run: Run) -> str:
    return f'{run.name} ({len(run.files)} seeds)' if len(run.files) > 1 else run.name


def draw_difference(out: Path, classes: EvaluatedClasses, difference: np.ndarray, name: str, baseline: str) -> Path:
    """Draw the AP that each class gains or loses between two runs, sorted and against its training images.

    Args:
        out: PNG to write.
        classes: The C classes.
        difference: AP of the run minus that of the baseline, shape (C,), NaN for a class without ground truth.
        name: Name of the run.
        baseline: Name of the baseline.

    Returns:
        ``out``.
    """
    defined = np.flatnonzero(~np.isnan(difference))
    values, groups = difference[defined], classes.groups[defined]
    names = [classes.names[index] for index in defined]
    named = len(defined) <= MAX_LABELED_CLASSES
    figure = new_figure(8, 7 + (0.09 * len(defined) if named else 0))
    upper, lower = figure.subplots(2, 1, height_ratios=[max(3, 0.17 * len(defined)) if named else 3, 3.4])
    _draw_sorted(upper, values, groups, names if named else None)
    upper.set_title(f'AP of {name} minus AP of {baseline}', parse_math=False)
    places = np.maximum(classes.train_images[defined], 0.5)
    lower.scatter(places, values, c=[GROUP_COLORS[group] for group in groups], s=24 if named else 9, alpha=1 if named else 0.5,
                  linewidths=0)
    if len(defined) >= MIN_CLASSES_FOR_LINE:
        size = running_mean_width(len(defined))
        lower.plot(*running_mean(places, values, size), color=RUN_COLORS[0], linewidth=2,
                   label=f'running mean of {size} classes')
        figure.legend(*lower.get_legend_handles_labels(), loc='outside lower center', fontsize=9, frameon=False)
    lower.axhline(0, color='black', linewidth=0.8)
    train_images_axis(lower)
    lower.set_ylabel('difference of AP')
    lower.grid(alpha=0.25)
    mark_groups(lower, places, groups)
    if named:
        label_points(lower, places, values, names)
    return save_figure(figure, out)


def _draw_sorted(axes: Any, values: np.ndarray, groups: np.ndarray, names: list[str] | None) -> None:
    """Draw the classes from the greatest gain to the greatest loss: named bars, or, with many classes, a curve per group."""
    if names is not None:
        order = np.argsort(-values, kind='stable')
        axes.barh(range(len(order)), values[order], color=[GROUP_COLORS[group] for group in groups[order]])
        axes.set_yticks(range(len(order)), [names[index] for index in order], fontsize=8, parse_math=False)
        axes.invert_yaxis()
        axes.margins(y=0.01)
        axes.axvline(0, color='black', linewidth=0.8)
        axes.set_xlabel('difference of AP')
        axes.grid(axis='x', alpha=0.25)
        return
    for group, color in GROUP_COLORS.items():
        group_values = np.sort(values[groups == group])[::-1]
        if len(group_values):
            share = (np.arange(len(group_values)) + 0.5) / len(group_values)
            axes.plot(100 * share, group_values, color=color, linewidth=2,
                      label=f'{GROUP_NAMES[group]}: {np.count_nonzero(group_values > 0)} of {len(group_values)} gain, '
                            f'{np.count_nonzero(group_values < 0)} lose')
    axes.axhline(0, color='black', linewidth=0.8)
    axes.set_xlim(0, 100)
    axes.set_xlabel('classes of the group in %, greatest gain first')
    axes.set_ylabel('difference of AP')
    axes.grid(alpha=0.25)
    axes.legend(fontsize=9)


def draw_calibration(out: Path, runs: Sequence[Run]) -> Path:
    """Draw precision by score in each frequency group, and the number of detections by score.

    Args:
        out: PNG to write.
        runs: R runs, at most eight; the detections of all seeds are pooled.

    Returns:
        ``out``.
    """
    figure = new_figure(8, 5)
    panels = figure.subplots(2, 3, sharex=True, sharey='row', height_ratios=[2.2, 1])
    for (upper, lower), group in zip(panels.T, GROUP_NAMES, strict=True):
        upper.plot([0, 1], [0, 1], color='#7f8c8d', linewidth=1, linestyle='--')
        upper.set_title(f'{SCOPE_NAMES[group]} classes', fontsize=10, color=GROUP_COLORS[group])
        upper.set(xlim=(0, 1), ylim=(0, 1.02), xticks=(0.2, 0.4, 0.6, 0.8))
        for color, run in zip(RUN_COLORS, runs, strict=False):
            pooled = pool([file.reliability[SCOPES.index(group)] for file in run.files])
            filled = pooled.counts > 0
            upper.plot(pooled.mean_scores[filled], pooled.precisions[filled], 'o-', color=color, markersize=4,
                       label=_label(run))
            lower.stairs(np.where(filled, pooled.counts, np.nan), pooled.edges, color=color, linewidth=1.5, baseline=None)
        lower.set_yscale('log')
        lower.set_xlabel('score')
        for axes in (upper, lower):
            axes.grid(alpha=0.25)
    panels[0, 0].set_ylabel('precision at IoU 0.5')
    panels[1, 0].set_ylabel('detections')
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc='outside lower center', ncols=3, fontsize=9, frameon=False)
    return save_figure(figure, out)
