"""What is known of the classes of a training set: counts, and how their boxes spread; as a JSON file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from imbdet.calibration.fractal_dimension import fractal_dimension
from imbdet.calibration.logn import LogitStatistics
from imbdet.classes import box_centers, class_names, dataset_counts
from imbdet.files import atomic_write


class LayerLogits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Statistics of the logits of a layer on training images, as :class:`~imbdet.calibration.logn.LogitStatistics`.

    Attributes:
        rows: Regions, queries or anchors.
        mean: Mean of each class's logit, and of the background's where there is one.
        squares: Sum of its squared differences from the mean.
    """

    rows: int
    mean: list[float]
    squares: list[float]

    @classmethod
    def of(cls, statistics: LogitStatistics) -> 'LayerLogits':
        """Return statistics as numbers."""
        return cls(int(statistics.rows), statistics.mean.tolist(), statistics.squares.tolist())

    def tensors(self) -> LogitStatistics:
        """Return statistics as tensors."""
        return LogitStatistics(*(torch.tensor(each, dtype=torch.float64) for each in (self.rows, self.mean, self.squares)))


class ClassStatistics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Statistics of the C classes of a training set, in the order of the detector's labels.

    Attributes:
        names: Class names.
        images: Training images that contain each class.
        boxes: Its training boxes, without crowd and ignored ones.
        num_images: All training images.
        dimensions: Fractal dimension of its boxes' centers, see
            :func:`~imbdet.calibration.fractal_dimension.fractal_dimension`.
        logits: Statistics of a trained detector's logits, by the layer's name, where LogN is wanted.
    """

    names: list[str]
    images: list[int]
    boxes: list[int]
    num_images: int
    dimensions: list[float]
    logits: dict[str, LayerLogits] = {}

    def counts(self, kind: str) -> np.ndarray:
        """Return how often each class occurs, shape (C,), int64.

        Args:
            kind: ``'images'`` or ``'boxes'``.
        """
        return np.array(self.images if kind == 'images' else self.boxes, dtype=np.int64)

    def total(self, kind: str) -> int:
        """Return what the counts are shares of: the number of all images or boxes, at least 1.

        Args:
            kind: ``'images'`` or ``'boxes'``.
        """
        return max(self.num_images if kind == 'images' else sum(self.boxes), 1)


def dataset_statistics(dataset: Any) -> ClassStatistics:
    """Compute the statistics of a training set.

    Args:
        dataset: A data set or wrapper of mmdet.

    Returns:
        The statistics.

    Raises:
        TypeError: If its items lack boxes, labels, width or height.
        ValueError: If it has no class names.
    """
    names, counts = class_names(dataset), dataset_counts(dataset)
    return ClassStatistics(list(names), counts.images.tolist(), counts.boxes.tolist(), counts.num_images,
                           [fractal_dimension(each) for each in box_centers(dataset, len(names))])


def write_statistics(path: str | Path, statistics: ClassStatistics) -> None:
    """Write statistics to a JSON file.

    Args:
        path: The file.
        statistics: The statistics.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(msgspec.to_builtins(statistics), indent=1) + '\n', encoding='utf-8')


def read_statistics(path: str | Path, names: Sequence[str] | None = None) -> ClassStatistics:
    """Read a file that :func:`write_statistics` wrote.

    Args:
        path: The file.
        names: The detector's class names, which must be those of the file.

    Returns:
        The statistics.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, its lists differ in length, or its classes are others.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such file of class statistics; imbdet calibrate writes one next to its checkpoint')
    try:
        statistics = msgspec.json.decode(Path(path).read_bytes(), type=ClassStatistics)
    except msgspec.DecodeError as error:
        raise ValueError(f'{path} is not a file of class statistics as imbdet calibrate writes it: {error}') from error
    lengths = {len(each) for each in (statistics.names, statistics.images, statistics.boxes, statistics.dimensions)}
    if len(lengths) > 1:
        raise ValueError(f'{path}: names, images, boxes and dimensions must have an entry for each class, got lists of '
                         f'{", ".join(map(str, sorted(lengths)))} entries')
    if names is not None and list(names) != statistics.names:
        differing = next((pair for pair in zip(names, statistics.names, strict=False) if pair[0] != pair[1]), None)
        raise ValueError(f'{path} is of other classes: it has {len(statistics.names)}, the data set {len(names)}'
                         + (f'; {differing[1]!r} where the data set has {differing[0]!r}' if differing else ''))
    return statistics
