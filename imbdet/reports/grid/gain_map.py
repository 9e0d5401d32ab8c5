"""Map of runs: gain in AP of rare classes against change in AP of frequent ones."""

from collections.abc import Sequence
from typing import Any

from imbdet.reports.drawing.figures import RUN_COLORS, new_figure
from imbdet.reports.grid.difference_figure import difference_limits, mean_range
from imbdet.reports.grid.paired_difference import PairedDifference
from imbdet.reports.grid.point_names import name_points

COLORS = RUN_COLORS[1:]
MARKERS = 'osD^v'
"""One for each time that all colors are used."""


def rare_and_frequent(metrics: Sequence[str]) -> tuple[int, int] | None:
    """Find the first metric of rare classes, such as ``lvis/bbox_APr``, with the same metric of frequent classes.

    Args:
        metrics: Names of metrics.

    Returns:
        The places of both in ``metrics``, rare first; None if there is no such pair.
    """
    for place, metric in enumerate(metrics):
        frequent = metric.removesuffix('r') + 'f'
        if metric.endswith('_APr') and frequent in metrics:
            return place, metrics.index(frequent)
    return None


def gain_map_figure(differences: dict[str, tuple[PairedDifference, PairedDifference]], metrics: tuple[str, str]) -> Any:
    """Draw a point for each run at its differences from the baseline, with the intervals as a thin cross.

    Args:
        differences: Differences in AP of rare and of frequent classes by the run's name; at least one, none with a mean of NaN.
        metrics: Names of the two metrics, rare first.

    Returns:
        A matplotlib ``Figure``.
    """
    figure = new_figure(8, 6)
    axes = figure.add_subplot()
    axes.axhline(0, color='black', linewidth=0.8)
    axes.axvline(0, color='black', linewidth=0.8)
    axes.plot(0, 0, 'o', color='black', markersize=5)
    for index, (rare, frequent) in enumerate(differences.values()):
        times_used, place = divmod(index, len(COLORS))
        color, marker = COLORS[place], MARKERS[times_used % len(MARKERS)]
        axes.hlines(rare.mean, frequent.low, frequent.high, color=color, alpha=0.6, linewidth=0.8)
        axes.vlines(frequent.mean, rare.low, rare.high, color=color, alpha=0.6, linewidth=0.8)
        axes.plot(frequent.mean, rare.mean, marker, color=color, markersize=7)
    rare_side, frequent_side = zip(*differences.values(), strict=True)
    space = max(mean_range(rare_side), mean_range(frequent_side)) / 2  # of both, so that small differences do not look large
    axes.set_xlim(*difference_limits(frequent_side, space))
    axes.set_ylim(*difference_limits(rare_side, space))
    axes.set_xlabel(f'{metrics[1]}, difference from the baseline', parse_math=False)
    axes.set_ylabel(f'{metrics[0]}, difference from the baseline', parse_math=False)
    axes.grid(alpha=0.25)
    name_points(axes, [*((name, frequent.mean, rare.mean) for name, (rare, frequent) in differences.items()),
                       ('baseline', 0.0, 0.0)])
    return figure
