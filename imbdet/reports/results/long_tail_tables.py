"""CSV tables of the long-tail report, with all numbers, not rounded."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from imbdet.evaluation.tide_errors import ERROR_TYPES
from imbdet.files import write_csv
from imbdet.reports.results.long_tail_numbers import SCOPES, EvaluatedClasses, Run, mean_over_seeds


def write_tables(folder: Path, classes: EvaluatedClasses, runs: Sequence[Run]) -> None:
    """Write ``summary.csv``, ``class_table.csv``, ``errors.csv`` and ``calibration.csv``.

    Cells of undefined numbers are empty: AP of a class without ground truth, the deviation of one seed.

    Args:
        folder: Folder to write to.
        classes: The evaluated classes.
        runs: The runs.
    """
    write_csv(folder / 'summary.csv', _summary_rows(runs))
    write_csv(folder / 'class_table.csv', _class_rows(classes, runs))
    write_csv(folder / 'errors.csv', _error_rows(runs))
    write_csv(folder / 'calibration.csv', _calibration_rows(runs))


def _summary_rows(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    """Yield a row per file, and the mean and standard deviation of each run."""
    names = list(runs[0].files[0].summary)
    yield ['run', 'file', *names, *(f'D-ECE {scope}' for scope in SCOPES)]
    for run in runs:
        values = [[*file.summary.values(), *(part.error for part in file.reliability)] for file in run.files]
        for file, row in zip(run.files, values, strict=True):
            yield [run.name, str(file.path), *map(float, row)]
        if len(run.files) > 1:
            mean, deviation = mean_over_seeds([np.array(row) for row in values])
            yield [run.name, 'mean', *mean.tolist()]
            yield [run.name, 'standard deviation', *deviation.tolist()]


def _class_rows(classes: EvaluatedClasses, runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    """Yield a row per class: AP of each run, its standard deviation over the seeds, and each seed."""
    head = ['category_id', 'name', 'frequency', 'train_images']
    columns: list[list] = [classes.ids, classes.names, classes.groups.tolist(), classes.train_images.tolist()]
    for run in runs:
        mean, deviation = mean_over_seeds([file.class_ap for file in run.files])
        head.append(f'{run.name} AP')
        columns.append(mean.tolist())
        if len(run.files) > 1:
            head += [f'{run.name} standard deviation', *(f'{run.name} seed {number + 1}' for number in range(len(run.files)))]
            columns += [deviation.tolist(), *(file.class_ap.tolist() for file in run.files)]
    yield head
    yield from zip(*columns, strict=True)


def _error_rows(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    yield ['run', 'file', 'classes', 'kind', 'errors', 'objects', 'AP50 gained']
    for run in runs:
        for file in run.files:
            for row, scope in enumerate(SCOPES):
                for column, kind in enumerate(ERROR_TYPES):
                    yield [run.name, str(file.path), scope, kind, int(file.error_counts[row, column]),
                           int(file.num_objects[row]), float(file.ap50_gains[row, column])]


def _calibration_rows(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    yield ['run', 'file', 'classes', 'score from', 'score to', 'detections', 'mean score', 'precision', 'D-ECE of the classes']
    for run in runs:
        for file in run.files:
            for scope, part in zip(SCOPES, file.reliability, strict=True):
                columns = part.edges[:-1], part.edges[1:], part.counts, part.mean_scores, part.precisions
                for row in zip(*(column.tolist() for column in columns), strict=True):
                    yield [run.name, str(file.path), scope, *row, part.error]
