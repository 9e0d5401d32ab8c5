"""The table that benchmarks print."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Row(NamedTuple):
    """A line of the table.

    Attributes:
        part: Part of the benchmark.
        what: What was measured or checked.
        found: What came out, as text.
        wanted: What is wanted, as text; empty where the number is only told.
        passed: Whether it came out as wanted.
    """

    part: str
    what: str
    found: str
    wanted: str = ''
    passed: bool = True


def ratio_row(part: str, what: str, times: np.ndarray, most: float | None) -> Row:
    """Tell the median of the ratios of pairs of times, their quartiles, and the medians of the times.

    Args:
        part: As for :class:`Row`.
        what: As for :class:`Row`.
        times: Seconds without and with what is measured, shape (n, 2), taken in turn.
        most: Largest ratio that is wanted; None: the ratio is only told.

    Returns:
        The row.
    """
    without, with_it = times.T
    low, median, high = np.percentile(with_it / without, [25, 50, 75])
    found = (f'{median:.3f} ({low:.3f} to {high:.3f}, {len(times)} pairs): {1000 * np.median(without):.1f} and '
             f'{1000 * np.median(with_it):.1f} ms')
    return Row(part, what, found, '' if most is None else f'at most {most:g}', most is None or bool(median <= most))


def print_table(rows: Iterable[Row]) -> bool:
    """Print the rows, aligned, and how many are not as wanted.

    Args:
        rows: The rows.

    Returns:
        Whether all are as wanted.
    """
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = '  '.join(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True))
        print(f'{cells}  {"ok" if row.passed and row.wanted else "" if row.passed else "NOT AS WANTED"}'.rstrip())
    failed = sum(not row.passed for row in rows)
    print(f'{len(rows)} rows, {failed} not as wanted')
    return not failed
