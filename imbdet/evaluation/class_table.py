"""Table of per-class average precision, which LongTailMetric writes and reports read."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imbdet.files import write_csv


class ClassTable(NamedTuple):
    """Results of C classes.

    Attributes:
        category_ids: Ids, ascending.
        names: Names.
        frequencies: ``'r'``, ``'c'`` or ``'f'``.
        train_images: Training images that contain each, None where unknown.
        precisions: AP, AP50 and AP75, arrays of shape (C,), in [0, 1], or -1 for a class without ground truth.
    """

    category_ids: Sequence[int]
    names: Sequence[str]
    frequencies: Sequence[str]
    train_images: Sequence[int | None]
    precisions: dict[str, np.ndarray]

    def write(self, path: str | Path) -> None:
        """Write the table as CSV, with empty cells for unknown or undefined values.

        Args:
            path: File to write.
        """
        columns = [[value if value > -1 else None for value in column.tolist()] for column in self.precisions.values()]
        head = ('category_id', 'name', 'frequency', 'train_images', *self.precisions)
        write_csv(path, [head, *zip(self.category_ids, self.names, self.frequencies, self.train_images, *columns, strict=True)])
