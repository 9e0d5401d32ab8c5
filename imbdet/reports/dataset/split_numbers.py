"""Numbers of the report on a split: classes in each part, and how far their shares are from what is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from imbdet.annotations.splitting.split_images import random_parts, sums_by

NUM_RANDOM = 20
"""Random splits to compare with."""


@dataclass(frozen=True)
class PartCounts:
    """Images and boxes of C classes in K parts.

    Attributes:
        images: Images of each part that contain a class, shape (K, C), int64.
        boxes: Boxes of each class in each part, shape (K, C), int64.
        num_images: Images of each part, shape (K,), int64.
        shares: Wanted share of each part, shape (K,).
        validation: Parts that are used for validation; the training images of each are all others.
    """

    images: np.ndarray
    boxes: np.ndarray
    num_images: np.ndarray
    shares: np.ndarray
    validation: Sequence[int]

    @property
    def image_shares(self) -> np.ndarray:
        """Share of the images of each class that is in each validation part, shape (V, C); NaN for classes without images."""
        return _shares(self.images)[list(self.validation)]

    @property
    def box_shares(self) -> np.ndarray:
        """Share of the boxes of each class that is in each validation part, shape (V, C); NaN for classes without boxes."""
        return _shares(self.boxes)[list(self.validation)]

    @property
    def not_in_validation(self) -> np.ndarray:
        """Whether each class that has images is missing in each validation part, shape (V, C), bool."""
        return self.image_shares == 0

    @property
    def not_in_training(self) -> np.ndarray:
        """Whether each class that has images is missing in the training images of each validation part, shape (V, C), bool."""
        return self.image_shares == 1

    def deviations(self) -> tuple[np.ndarray, np.ndarray]:
        """Return how far the shares of images and of boxes are from the wanted ones, shape (V, C) each, not negative."""
        wanted = self.shares[list(self.validation), None]
        return np.abs(self.image_shares - wanted), np.abs(self.box_shares - wanted)


@dataclass(frozen=True)
class SplitOptions:
    """How a file is divided.

    Attributes:
        source: The annotation file, YOLO data set or VOC folder.
        shares: Wanted share of each part, shape (K,), with sum 1: of training and validation, or of the folds.
        is_folds: Whether the parts are folds.
        seed: Seed.
        group_by: Key or pattern that names the groups; None if only copies are grouped.
    """

    source: Path
    shares: Sequence[float]
    is_folds: bool = False
    seed: int = 0
    group_by: str | None = None

    @property
    def validation(self) -> Sequence[int]:
        """Parts that are used for validation."""
        return range(len(self.shares)) if self.is_folds else [1]

    @property
    def part_names(self) -> list[str]:
        """Name of each part."""
        return [f'fold {part}' for part in range(len(self.shares))] if self.is_folds else ['train', 'val']


@dataclass(frozen=True)
class SplitFindings:
    """A split of N images with C classes, and random splits of the same groups.

    Attributes:
        options: How the file was divided.
        names: Names of the classes, in the file's order.
        group_sizes: Images of each group, shape (G,), int64.
        class_groups: Groups that contain each class, shape (C,), int64.
        split: The counts of the split.
        random: The counts of random splits with the seeds ``seed``, ``seed + 1``, ...
        copies: File names of exact copies, a list for each image that has some.
        warnings: What is wrong with the file, as sentences without a period.
    """

    options: SplitOptions
    names: Sequence[str]
    group_sizes: np.ndarray
    class_groups: np.ndarray
    split: PartCounts
    random: Sequence[PartCounts]
    copies: Sequence[Sequence[str]]
    warnings: Sequence[str]

    @property
    def is_alone(self) -> np.ndarray:
        """Whether all images of each class are in one group, so that it can only be in one part, shape (C,), bool."""
        return self.class_groups == 1

    @property
    def could_be_in_all(self) -> np.ndarray:
        """Whether each class is in at least as many groups as there are parts, shape (C,), bool."""
        return self.class_groups >= len(self.split.shares)


def analyze_split(options: SplitOptions, names: Sequence[str], boxes: csr_array, groups: np.ndarray, parts: np.ndarray,
                  copies: Sequence[Sequence[str]] = (), warnings: Sequence[str] = ()) -> SplitFindings:
    """Count the classes in the parts, and in random splits of the same groups.

    Args:
        options: How the images were divided.
        names: Names of the classes, of length C.
        boxes: Boxes of each class in each image, shape (N, C), integers.
        groups: Group of each image, shape (N,), int64, numbered from 0.
        parts: Part of each image, shape (N,), int64, in [0, K).
        copies: File names of exact copies.
        warnings: What is wrong with the file.

    Returns:
        The numbers of the report.
    """
    sizes = np.bincount(groups)
    class_groups = (sums_by(groups, len(sizes)) @ boxes > 0).sum(axis=0)
    random = [count_parts(boxes, random_parts(groups, options.shares, options.seed + number), options)
              for number in range(NUM_RANDOM)]
    return SplitFindings(options, names, sizes, class_groups, count_parts(boxes, parts, options), random, copies, warnings)


def count_parts(boxes: csr_array, parts: np.ndarray, options: SplitOptions) -> PartCounts:
    """Count the images and boxes of each class in each part.

    Args:
        boxes: Boxes of each class in each image, shape (N, C), integers.
        parts: Part of each image, shape (N,), int64, in [0, K).
        options: Wanted shares, and which parts are for validation.

    Returns:
        The counts.
    """
    number = len(options.shares)
    in_part = sums_by(parts, number)
    return PartCounts((in_part @ (boxes > 0).astype(np.int64)).toarray(), (in_part @ boxes).toarray(),
                      np.bincount(parts, minlength=number), np.asarray(options.shares), options.validation)


def _shares(counts: np.ndarray) -> np.ndarray:
    totals = counts.sum(axis=0)
    return np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
