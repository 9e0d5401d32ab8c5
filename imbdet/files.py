"""Atomic writing of files."""

import contextlib
import csv
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path``, and rename it to ``path`` if the block ends without an error.

    A run that is killed while writing does not change the old file.

    Args:
        path: The file to write; missing folders are created.

    Yields:
        The path to write to, with the same suffix.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.stem}-', suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp creates files that only their owner can read
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_csv(path: str | Path, rows: Iterable[Sequence[object]]) -> None:
    """Write rows atomically to a CSV file in UTF-8; None and NaN become empty cells.

    Args:
        path: The file to write.
        rows: The rows, the header first.
    """
    with atomic_write(path) as temporary, temporary.open('w', newline='', encoding='utf-8') as file:
        csv.writer(file).writerows(['' if isinstance(cell, float) and math.isnan(cell) else cell for cell in row]
                                   for row in rows)
