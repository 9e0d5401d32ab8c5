"""Picture of the differences of runs from their baselines."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbdet.reports.drawing.figures import RUN_COLORS, new_figure, save_figure
from imbdet.reports.grid.paired_difference import PairedDifference


def draw_differences(out: str | Path, differences: dict[str, list[PairedDifference]], metrics: Sequence[str]) -> Path:
    """Draw each run's difference from its baseline with its interval, one panel per metric.

    Args:
        out: PNG to write.
        differences: Differences in each metric by what is compared, such as ``'irfs minus baseline'``; at least one.
        metrics: Names of the metrics.

    Returns:
        ``out``.
    """
    rows = -(-len(metrics) // 4)
    figure = new_figure(9, rows * (1.2 + 0.32 * len(differences)))
    panels = figure.subplots(rows, min(4, len(metrics)), sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat[len(metrics):]:
        axes.set_visible(False)
    places = np.arange(len(differences))
    for column, (axes, metric) in enumerate(zip(panels.flat, metrics, strict=False)):
        found = [run_metrics[column] for run_metrics in differences.values()]
        means = np.array([each.mean for each in found])
        axes.axvline(0, color='black', linewidth=0.8)
        axes.hlines(places, [each.low for each in found], [each.high for each in found], color=RUN_COLORS[0], linewidth=2)
        axes.plot(means, places, 'o', color=RUN_COLORS[1], markersize=5)
        axes.set_title(metric, fontsize=10, parse_math=False)
        axes.tick_params(labelbottom=True, labelsize=8)
        axes.grid(axis='x', alpha=0.25)
        axes.locator_params(axis='x', nbins=3)
    everything = [each for found in differences.values() for each in found]
    panels[0, 0].set_xlim(*difference_limits(everything, mean_range(everything)))
    panels[0, 0].set_yticks(places, list(differences), parse_math=False)
    panels[0, 0].invert_yaxis()
    figure.supxlabel('difference from the baseline, with the 95 % interval of its mean over seeds', fontsize=10)
    return save_figure(figure, out)


def mean_range(found: Sequence[PairedDifference]) -> float:
    """Return the range of the means and 0."""
    return float(np.ptp(_means(found)))


def difference_limits(found: Sequence[PairedDifference], space: float) -> tuple[float, float]:
    """Compute limits of an axis that show all means and 0, and the intervals unless they are very wide.

    Args:
        found: Differences; NaN are left out.
        space: How far beyond the means an interval is shown; a wider one is cut off.

    Returns:
        Lower and upper limit.
    """
    means = _means(found)
    ends = [end for each in found for end in (each.low, each.high) if not np.isnan(end)]
    margin = 0.15 * space or 0.01
    return (max(min([*ends, *means]), min(means) - space) - margin,
            min(max([*ends, *means]), max(means) + space) + margin)


def _means(found: Sequence[PairedDifference]) -> list[float]:
    return [0.0, *(each.mean for each in found if not np.isnan(each.mean))]
