"""The table that benchmarks print."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Row(NamedTuple):
    """A line of the table.

    Attributes:
        part: Part of the benchmark.
        what: What was measured or checked.
        measured: The result, as text.
        limit: The rule, as text, such as ``at most 2``; empty if the number is only reported.
        passed: Whether the result is within the limit.
    """

    part: str
    what: str
    measured: str
    limit: str = ''
    passed: bool = True


def ratio_row(part: str, what: str, times: np.ndarray, most: float | None) -> Row:
    """Report the median of the ratios of pairs of times, their quartiles, and the medians of the times.

    Args:
        part: As for :class:`Row`.
        what: As for :class:`Row`.
        times: Seconds without and with what is measured, shape (n, 2), measured alternately.
        most: Largest allowed ratio; None: the ratio is only reported.

    Returns:
        The row.
    """
    without, with_it = times.T
    low, median, high = np.percentile(with_it / without, [25, 50, 75])
    measured = (f'{median:.3f} ({low:.3f} to {high:.3f}, {len(times)} pairs): {1000 * np.median(without):.1f} and '
                f'{1000 * np.median(with_it):.1f} ms')
    return Row(part, what, measured, '' if most is None else f'at most {most:g}', most is None or bool(median <= most))


def print_table(rows: Iterable[Row]) -> bool:
    """Print the rows, aligned, and how many exceed their limit.

    Args:
        rows: The rows.

    Returns:
        Whether all are within their limits.
    """
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = '  '.join(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True))
        print(f'{cells}  {"ok" if row.passed and row.limit else "" if row.passed else "FAILED"}'.rstrip())
    failed = sum(not row.passed for row in rows)
    print(f'{len(rows)} rows, {failed} failed')
    return not failed
