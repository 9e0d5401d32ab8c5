"""Runs of a grid: their trainings by seed, their differences from the baseline, their AP of each class."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imbdet.evaluation.average_precision import UNDEFINED
from imbdet.reports.grid.grid_results import Training
from imbdet.reports.grid.paired_difference import PairedDifference, paired_difference


class GridRun(NamedTuple):
    """The trainings of one run by seed, and the name of its baseline."""

    name: str
    baseline: str
    trainings: dict[int, Training]

    def values(self, metric: str) -> dict[int, float]:
        """Return a metric by seed; NaN for a training without it, or if it is undefined."""
        found = {seed: training.metrics.get(metric, UNDEFINED) for seed, training in self.trainings.items()}
        return {seed: float('nan') if value == UNDEFINED else value for seed, value in found.items()}


def group_runs(trainings: Sequence[Training]) -> list[GridRun]:
    """Group trainings by run.

    Args:
        trainings: As :func:`merge_results` returns them.

    Returns:
        The runs, in the order of their first trainings.
    """
    runs: dict[str, GridRun] = {}
    for training in trainings:
        run = runs.setdefault(training.name, GridRun(training.name, training.baseline, {}))
        run.trainings[training.seed] = training
    return list(runs.values())


def run_differences(run: GridRun, runs: Sequence[GridRun], metrics: Sequence[str]) -> list[PairedDifference]:
    """Compare a run with its baseline in each metric.

    Args:
        run: The run.
        runs: All runs.
        metrics: The metrics.

    Returns:
        One difference per metric; an empty list if the run is a baseline, or its baseline is not among the runs.
    """
    others = [other for other in runs if other.name == run.baseline and other.name != run.name]
    return [paired_difference(run.values(metric), other.values(metric)) for other in others for metric in metrics]


def class_aps(run: GridRun) -> dict[str, float]:
    """Average AP of each class over the seeds of a run; NaN for a class without ground truth, empty without tables."""
    tables = [{each.name: float('nan') if each.ap is None else each.ap for each in training.classes}
              for training in run.trainings.values()]
    if any(table.keys() != tables[0].keys() for table in tables):
        return {}
    return {name: float(np.mean([table[name] for table in tables])) for name in tables[0]}
