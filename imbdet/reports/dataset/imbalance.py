"""Imbalance of a data set: counts of images and boxes per class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imbdet.annotations import AnnotationArrays, AnnotationFile
from imbdet.annotations.faults import kept_images, usable_boxes
from imbdet.classes import GROUPS, LVIS_LIMITS, ClassCounts, GroupLimits, count_classes, frequency_groups

SIZES = ('small', 'medium', 'large')
SIZE_LIMITS = (32.0**2, 96.0**2)
"""Minimum areas of a medium and of a large box in square pixels of the stored image, as in COCO."""
BURSTY_RATIO = 2.0
"""A class is bursty if it has at least this many times the boxes per image of the median class."""


def format_number(value: float) -> str:
    """Format a number with three digits, or as an integer from 100 on."""
    return f'{value:,.0f}' if value >= 100 else f'{value:.3g}'


@dataclass(frozen=True)
class Imbalance:
    """Counts of N images and C classes, without crowd, ignored and faulty boxes.

    Attributes:
        names: Names of the classes, in the file's order.
        labels: For each image the classes of its boxes, integers in [0, C); the boxes in the file's order.
        image_counts: Images that contain each class, shape (C,), int64.
        instance_counts: Boxes of each class, shape (C,), int64.
        groups: ``'r'``, ``'c'`` or ``'f'`` for each class, shape (C,).
        size_counts: Boxes by group (rows: rare, common, frequent) and by size (columns: small, medium, large), shape
            (3, 3), int64.
        num_ignored: Number of crowd and ignored boxes, which are not counted elsewhere.
        num_faulty: Number of boxes that mmdet drops or fails on, which are not counted elsewhere.
        num_filtered: Number of images that the config's ``filter_cfg`` removes, which are not counted elsewhere.
        limits: Limits of the frequency groups.
    """

    names: tuple[str, ...]
    labels: list[np.ndarray]
    image_counts: np.ndarray
    instance_counts: np.ndarray
    groups: np.ndarray
    size_counts: np.ndarray
    num_ignored: int
    num_faulty: int
    num_filtered: int
    limits: GroupLimits

    @property
    def counts(self) -> ClassCounts:
        """Images and boxes of each class."""
        return ClassCounts(self.image_counts, self.instance_counts, self.num_images)

    @property
    def num_images(self) -> int:
        """Number N of images of an epoch without resampling."""
        return len(self.labels)

    @property
    def num_boxes(self) -> int:
        """Number of counted boxes."""
        return int(self.instance_counts.sum())

    @property
    def num_empty(self) -> int:
        """Number of images without a counted box."""
        return sum(len(labels) == 0 for labels in self.labels)

    @property
    def boxes_per_image(self) -> np.ndarray:
        """Mean boxes of each class per image that contains it, shape (C,), float64; NaN for a class without images."""
        return np.divide(self.instance_counts, self.image_counts, out=np.full(len(self.names), np.nan),
                         where=self.image_counts > 0)

    @property
    def median_boxes_per_image(self) -> float:
        """Median over the classes of boxes per image; NaN without boxes."""
        known = self.boxes_per_image[self.image_counts > 0]
        return float(np.median(known)) if len(known) else float('nan')

    @property
    def is_bursty(self) -> np.ndarray:
        """Whether a class has at least twice the boxes per image of the median class, shape (C,), bool."""
        return self.boxes_per_image >= BURSTY_RATIO * self.median_boxes_per_image  # False where one is NaN

    @property
    def imbalance_ratio(self) -> float:
        """Images of the commonest class divided by those of the rarest that has any; NaN without boxes."""
        seen = self.image_counts[self.image_counts > 0]
        return float(seen.max() / seen.min()) if len(seen) else float('nan')

    @property
    def rarest_group(self) -> str:
        """The first of rare, common and frequent that has a class with images; rare without any."""
        held = set(self.groups[self.image_counts > 0].tolist())
        return next((group for group in GROUPS if group in held), GROUPS[0])

    @property
    def in_tail(self) -> np.ndarray:
        """Whether each image contains a class of the rarest group, shape (N,), bool."""
        return self.images_with(self.rarest_group)

    def images_with(self, group: str) -> np.ndarray:
        """Find the images that contain a class of a frequency group, shape (N,), bool."""
        lengths = [len(labels) for labels in self.labels]
        flat = np.concatenate([*self.labels, np.empty(0, np.int64)])
        images = np.repeat(np.arange(self.num_images), lengths)[(self.groups == group)[flat]]
        return np.bincount(images, minlength=self.num_images) > 0


def count_imbalance(content: AnnotationFile,
                    columns: AnnotationArrays,
                    classes: Sequence[str] | None = None,
                    filter_cfg: dict | None = None,
                    limits: GroupLimits = LVIS_LIMITS) -> Imbalance:
    """Count the images and boxes that a data set trains on; with faults in the file, only the usable ones.

    Args:
        content: Content of the annotation file.
        columns: The same as arrays.
        classes: Class names of the data set's config; None for all of the file. Names that are not in the file are
            ignored, as in mmdet.
        filter_cfg: mmdet's ``filter_empty_gt`` and ``min_size``; None for all images.
        limits: Limits of the frequency groups.

    Returns:
        The counts.

    Raises:
        ValueError: Unless 0 <= rare_max <= common_max.
    """
    chosen = [position for position, category in enumerate(content.categories)
              if classes is None or category.name in classes]
    names = tuple(content.categories[position].name for position in chosen)
    category_labels = np.full(len(content.categories) + 1, -1)  # the last for categories that the file does not list
    category_labels[chosen] = np.arange(len(chosen))
    is_kept = kept_images(content, columns, classes, filter_cfg)
    new_positions = np.append(np.cumsum(is_kept) - 1, -1)
    labels = category_labels[columns.categories]
    is_usable = usable_boxes(columns)
    is_counted = is_usable & ~columns.is_ignored & np.append(is_kept, False)[columns.images] & (labels >= 0)
    labels, images = labels[is_counted], new_positions[columns.images[is_counted]]
    areas = columns.areas[is_counted]
    order = np.argsort(images, kind='stable')
    ends = np.cumsum(np.bincount(images, minlength=int(is_kept.sum())))
    per_image = np.split(labels[order], ends[:-1]) if len(ends) else []
    counts = count_classes(per_image, len(names))
    groups = frequency_groups(counts.images, *limits)
    rows = np.searchsorted(('c', 'f', 'r'), groups)  # alphabetical, as searchsorted needs
    cells = 3 * np.array((1, 2, 0))[rows][labels] + np.digitize(areas, SIZE_LIMITS)
    return Imbalance(
        names, per_image, counts.images, counts.boxes, groups,
        size_counts=np.bincount(cells, minlength=9).reshape(3, 3),
        num_ignored=int((is_usable & columns.is_ignored).sum()),
        num_faulty=int((~is_usable).sum()),
        num_filtered=int(columns.is_listed.sum() - is_kept.sum()),
        limits=limits)
