"""Pictures of the results of a grid: AP of each class, and the gains of methods."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from page_tables import shown_runs

from imbdet.reports.drawing.class_curve import draw_class_curves
from imbdet.reports.drawing.figures import save_figure
from imbdet.reports.grid.gain_map import gain_map_figure
from imbdet.reports.grid.grid_runs import GridRun, class_aps, run_differences


class ClassPicture(NamedTuple):
    """AP of each class against its training images.

    Attributes:
        results: Name of the file in benchmarks/results, without ``.json``.
        title: Title of the picture.
        runs: Name in the picture by the run's name, the baseline first.
    """

    results: str
    title: str
    runs: Mapping[str, str]


class GainMap(NamedTuple):
    """Differences from the baseline in rare classes against those in frequent ones.

    Attributes:
        results: Name of the file in benchmarks/results, without ``.json``.
        rare: Metric of rare classes.
        frequent: Metric of frequent classes.
        runs: Name in the picture by the run's name.
    """

    results: str
    rare: str
    frequent: str
    runs: Mapping[str, str]


def draw_picture(out: Path, picture: ClassPicture | GainMap, runs: Sequence[GridRun]) -> bool:
    """Draw a picture of the runs that exist.

    Args:
        out: PNG to write.
        picture: What to show.
        runs: All runs of the results file.

    Returns:
        Whether there was something to draw.
    """
    shown = shown_runs(picture.runs, runs)
    if isinstance(picture, GainMap):
        found = {picture.runs[run.name]: run_differences(run, runs, [picture.rare, picture.frequent]) for run in shown}
        gains = {name: (each[0], each[1]) for name, each in found.items()
                 if each and not np.isnan([one.mean for one in each]).any()}
        if gains:
            rare, frequent = (metric.rpartition('_')[2] for metric in (picture.rare, picture.frequent))
            save_figure(gain_map_figure(gains, (rare, frequent)), out)
        return bool(gains)
    aps = {picture.runs[run.name]: np.array(list(class_aps(run).values())) for run in shown}
    if aps:
        classes = next(iter(shown[0].trainings.values())).classes
        draw_class_curves(out, [each.name for each in classes], np.array([each.frequency for each in classes]),
                          np.array([each.train_images for each in classes]), aps, picture.title)
    return bool(aps)
