"""The picture of as what objects of rare, common and frequent classes are found."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbdet.evaluation.group_confusion import COLUMNS, ROWS
from imbdet.reports.drawing.figures import GROUP_NAMES, new_figure, save_figure
from imbdet.reports.results.long_tail_numbers import Run

THERE = tuple(GROUP_NAMES.get(row, row) for row in ROWS)
FOUND_AS = tuple(f'another, {GROUP_NAMES[column]}' if column in GROUP_NAMES else column for column in COLUMNS)


def confusion_shares(run: Run) -> np.ndarray:
    """Return what share of the objects of each group, and of the detections on the background, was found as what.

    Args:
        run: The run; the objects of all seeds are pooled.

    Returns:
        Shares of each row of :func:`~imbdet.evaluation.group_confusion.group_confusion`, shape (4, 5); NaN in an empty row, and
        where the background has no entry.
    """
    counts = np.sum([file.confusion for file in run.files], axis=0)
    shares = counts / np.where(counts.sum(1, keepdims=True) > 0, counts.sum(1, keepdims=True), np.nan)
    shares[-1, [0, -1]] = np.nan
    return shares


def draw_confusion(out: Path, runs: Sequence[Run]) -> Path:
    """Draw as what objects of each group are found.

    Args:
        out: PNG to write.
        runs: R runs, at most eight; the objects of all seeds are pooled.

    Returns:
        ``out``.
    """
    columns = min(len(runs), 3)
    rows = -(-len(runs) // columns)
    figure = new_figure(1 + 3.6 * columns, 0.6 + 2.7 * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat[len(runs):]:
        axes.set_axis_off()
    for axes, run in zip(panels.flat, runs, strict=False):
        shares = confusion_shares(run)
        axes.imshow(np.nan_to_num(shares), cmap='Blues', vmin=0, vmax=1, aspect='auto')
        for (row, column), share in np.ndenumerate(shares):
            if not np.isnan(share):
                axes.text(column, row, f'{share:.0%}', ha='center', va='center', fontsize=9,
                          color='white' if share > 0.6 else 'black')
        axes.set_title(run.name, fontsize=10, parse_math=False)
        axes.set_xticks(range(len(FOUND_AS)), FOUND_AS, rotation=35, ha='right')
        axes.set_yticks(range(len(THERE)), THERE)
    return save_figure(figure, out)


def confusion_table(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """Return the shares as rows of text, the header first.

    Args:
        runs: The runs; the objects of all seeds of one are pooled.

    Returns:
        A row for each run and group, with the number of objects, or of detections on the background, of a seed.
    """
    rows: list[tuple[str, ...]] = [('objects', 'classes', *FOUND_AS, 'number')]
    for run in runs:
        numbers = np.sum([file.confusion for file in run.files], axis=0).sum(1) / len(run.files)
        rows += [(run.name, there, *('' if np.isnan(share) else f'{share:.1%}' for share in shares), f'{number:.0f}')
                 for there, shares, number in zip(THERE, confusion_shares(run), numbers, strict=True)]
    return rows
