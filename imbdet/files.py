"""Writing files whole."""

import contextlib
import csv
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` and rename it there when the block ends without an error.

    A run that is killed while it writes leaves the old file as it was.

    Args:
        path: Where the file shall be; missing folders are made.

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
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files that only their owner may read
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_csv(path: str | Path, rows: Iterable[Sequence[object]]) -> None:
    """Write rows to a CSV file in UTF-8, whole; None and NaN become empty cells.

    Args:
        path: Where the file shall be.
        rows: The rows, the head first.
    """
    with atomic_write(path) as temporary, temporary.open('w', newline='', encoding='utf-8') as file:
        csv.writer(file).writerows(['' if isinstance(cell, float) and math.isnan(cell) else cell for cell in row]
                                   for row in rows)
