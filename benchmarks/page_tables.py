"""Tables of the results of a grid in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from imbdet.reports.drawing.figures import GROUP_NAMES
from imbdet.reports.grid.grid_runs import GridRun, run_differences
from imbdet.reports.grid.paired_difference import PairedDifference
from imbdet.reports.results.long_tail_numbers import mean_over_seeds

EN_DASH = '\N{EN DASH}'  # for what is not known
NOTHING: Mapping[str, str] = {}


class RunTable(NamedTuple):
    """A table with a row for each run.

    Attributes:
        results: Name of the file in benchmarks/results, without ``.json``.
        head: Heading of the first column; the number of seeds is added to it.
        runs: Text of the row by the run's name.
        means: Heading by metric, for the mean and standard deviation over the seeds.
        boxes: Whether the boxes that a training showed get a column.
        differences: Heading by metric, for the mean difference from the baseline with its 95 % interval.
        by_seed: Heading by metric, for the differences from the baseline by seed.
        baseline: The run to compare with; None: each run's own in the grid.
    """

    results: str
    head: str
    runs: Mapping[str, str]
    means: Mapping[str, str] = NOTHING
    boxes: bool = False
    differences: Mapping[str, str] = NOTHING
    by_seed: Mapping[str, str] = NOTHING
    baseline: str | None = None


class ClassTable(NamedTuple):
    """A table with a row for each class, sorted by training images, and with its AP for each run.

    Attributes:
        results: Name of the file in benchmarks/results, without ``.json``.
        head: Heading of the first column; the number of seeds is added to it.
        runs: Heading of the column by the run's name.
        groups: Frequency groups to show; of several, a column says which one a class is in.
    """

    results: str
    head: str
    runs: Mapping[str, str]
    groups: str = 'rcf'


class SideBySide(NamedTuple):
    """Two tables with the same rows, next to each other.

    Attributes:
        left: The left one, whose first column is shown.
        right: The right one, of the same results file.
    """

    left: RunTable
    right: RunTable

    @property
    def results(self) -> str:
        """Name of the file in benchmarks/results, without ``.json``."""
        return self.left.results

    @property
    def runs(self) -> Mapping[str, str]:
        """Text of the row by the run's name, of both tables."""
        return {**self.left.runs, **self.right.runs}


Table = RunTable | ClassTable | SideBySide


def markdown_table(table: Table, runs: Sequence[GridRun]) -> str:
    """Write a table.

    Args:
        table: What to show. Runs that are not among ``runs`` are left out.
        runs: All runs of the results file.

    Returns:
        The table in Markdown.

    Raises:
        ValueError: If one of two tables side by side has more rows.
    """
    head, *rows = _cells(table, runs)
    lines = [f'| {" | ".join(row)} |' for row in (head, *rows)]
    return '\n'.join([lines[0], '|' + '---|' * len(head), *lines[1:]]) + '\n'


def shown_runs(names: Iterable[str], runs: Sequence[GridRun]) -> list[GridRun]:
    """Return the runs with these names that exist, in the order of the names."""
    by_name = {run.name: run for run in runs}
    return [by_name[name] for name in names if name in by_name]


def _cells(table: Table, runs: Sequence[GridRun]) -> list[list[str]]:
    if isinstance(table, RunTable):
        return _run_cells(table, runs)
    if isinstance(table, ClassTable):
        return _class_cells(table, runs)
    left, right = (_run_cells(side, runs) for side in table)
    return [[row[0] if row[0] == other[0] else f'{row[0]} / {other[0]}', *row[1:], *other[1:]]  # of another number of seeds
            for row, other in zip(left, right, strict=True)]


def _run_cells(table: RunTable, runs: Sequence[GridRun]) -> list[list[str]]:
    rows = [[f'{table.head}, {_seeds(_most_seeds(runs))}', *table.means.values(), *(['boxes shown'] if table.boxes else []),
             *table.differences.values(), *table.by_seed.values()]]
    for run in shown_runs(table.runs, runs):
        compared = run._replace(baseline=table.baseline or run.baseline)
        found = run_differences(compared, runs, list(table.differences))
        rows.append([table.runs[run.name] + _fewer_seeds(run, runs),
                     *(_mean(run.values(metric).values()) for metric in table.means),
                     *([_boxes(run)] if table.boxes else []),
                     *(map(_difference, found) if found else [''] * len(table.differences)),
                     *(_by_seed(compared, runs, metric) for metric in table.by_seed)])
    return rows


def _class_cells(table: ClassTable, runs: Sequence[GridRun]) -> list[list[str]]:
    shown, several = shown_runs(table.runs, runs), len(table.groups) > 1
    rows = [[f'{table.head}, {_seeds(_most_seeds(runs))}', *(['group'] if several else []), 'training images',
             *(table.runs[run.name] + _fewer_seeds(run, runs) for run in shown)]]
    classes = next(iter(shown[0].trainings.values())).classes if shown else []
    for of_class in sorted(classes, key=lambda each: (each.train_images, each.name)):
        if of_class.frequency in table.groups:
            rows.append([of_class.name, *([GROUP_NAMES[of_class.frequency]] if several else []), str(of_class.train_images),
                         *(_mean(_class_values(run, of_class.name)) for run in shown)])
    return rows


def _class_values(run: GridRun, name: str) -> list[float]:
    """Return AP of a class of each seed; NaN without ground truth."""
    return [float('nan') if each.ap is None else each.ap
            for training in run.trainings.values() for each in training.classes if each.name == name]


def _most_seeds(runs: Sequence[GridRun]) -> int:
    return max(len(run.trainings) for run in runs)


def _seeds(number: int) -> str:
    return '1 seed' if number == 1 else f'{number} seeds'


def _fewer_seeds(run: GridRun, runs: Sequence[GridRun]) -> str:
    return f' ({_seeds(len(run.trainings))})' if len(run.trainings) < _most_seeds(runs) else ''


def _mean(values: Iterable[float]) -> str:
    mean, deviation = mean_over_seeds(list(values))
    if np.isnan(mean):
        return EN_DASH
    return f'{mean:.3f}' + ('' if np.isnan(deviation) else f' ± {deviation:.3f}')


def _difference(found: PairedDifference) -> str:
    if np.isnan(found.mean):
        return EN_DASH
    return f'{found.mean:+.3f}' + ('' if np.isnan(found.low) else f' ({found.low:+.3f} to {found.high:+.3f})')


def _by_seed(run: GridRun, runs: Sequence[GridRun], metric: str) -> str:
    """List the differences from the baseline in the order of the seeds; nothing for a baseline."""
    single = [run._replace(trainings={seed: run.trainings[seed]}) for seed in sorted(run.trainings)]
    return ', '.join(_difference(found) for each in single for found in run_differences(each, runs, [metric]))


def _boxes(run: GridRun) -> str:
    """Return the least and the largest number of boxes of a training, and of how many seeds if not of all."""
    boxes = [training.boxes for training in run.trainings.values() if training.boxes is not None]
    if not boxes:
        return EN_DASH
    several = f'{min(boxes):,}' if min(boxes) == max(boxes) else f'{min(boxes):,} to {max(boxes):,}'
    return several + (f' ({_seeds(len(boxes))})' if len(boxes) < len(run.trainings) else '')
