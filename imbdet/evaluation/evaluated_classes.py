"""The classes of an evaluation: their frequency groups, and the category of each label."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.logging import MMLogger

from imbdet.annotations import AnnotationFile, check_class_names, load_annotations
from imbdet.annotations.class_faults import class_faults
from imbdet.annotations.reader import Category
from imbdet.classes import GROUPS, LVIS_LIMITS, GroupLimits, class_frequencies


def named_groups(path: str | Path,
                 annotations: AnnotationFile,
                 train_ann_file: str | None = None,
                 frequency: Mapping[str, str] | None = None,
                 limits: GroupLimits = LVIS_LIMITS) -> tuple[dict[str, str], dict[str, int | None]]:
    """Return the frequency group and, where known, the number of training images of each class.

    Args:
        path: The annotation file, for messages.
        annotations: Its content.
        train_ann_file: Training annotations whose images are counted. None: groups are those of the file's categories.
        frequency: The groups by class name, if they are given.
        limits: Limits of the groups; others than LVIS's need ``train_ann_file``.

    Returns:
        ``'r'``, ``'c'`` or ``'f'``, and the number of images, by class name.

    Raises:
        ValueError: If the group of a class is unknown, or limits are given without images to count.
    """
    if train_ann_file is None and limits != LVIS_LIMITS:
        raise ValueError('rare_max and common_max need train_ann_file, whose images are counted; set it')
    training = None if train_ann_file is None else load_annotations(train_ann_file)
    names = [category.name for category in annotations.categories]
    found = class_frequencies(annotations, training, limits)
    counts = dict(zip(names, found.image_counts, strict=True))
    groups: Mapping[str, str | None] = dict(zip(names, found.groups, strict=True)) if frequency is None else frequency
    source = 'frequency' if frequency is not None else train_ann_file or str(path)
    unknown = [name for name in names if groups.get(name) not in GROUPS]
    if unknown:
        raise ValueError(f'{source} does not specify whether {len(unknown)} of the classes of {path} are rare, common or '
                         f'frequent (first: {unknown[0]!r}); set train_ann_file, the training annotations to count images in, '
                         "or frequency, a dict of 'r', 'c' or 'f' by class name")
    return {name: str(groups[name]) for name in names}, counts


def label_categories(path: str | Path, categories: Sequence[Category], classes: Sequence[str]) -> list[int]:
    """Return the category id of each label, by the names of the classes.

    mmdet's data sets number labels in the file's order, Objects365V1Dataset by ascending category id; which of the two it
    was, the metric is not told. In any other order, names and labels of the data set do not match.

    Args:
        path: The annotation file, for messages.
        categories: Its categories.
        classes: Class names of the data set that was tested.

    Returns:
        One id for each class.

    Raises:
        AnnotationError: If a class is not in the file, or the classes are in neither order.
    """
    names = [category.name for category in categories]
    classes = list(classes)
    if len(classes) == len(names):
        # LVISV1Dataset uses all categories by position, and mmdet's list spells one of LVIS v1's names differently.
        for position, (name, in_file) in enumerate(zip(classes, names, strict=True)):
            if name not in names:
                MMLogger.get_current_instance().warning(f'{name!r} is treated as {in_file!r} of {path}, which has the same '
                                                        'position')
                classes[position] = in_file
    by_id = [category.name for category in sorted(categories, key=lambda category: category.id)]
    if any(class_faults(classes, by_id)):
        check_class_names(path, classes, names)
    ids = {category.name: category.id for category in categories}
    return [ids[name] for name in classes]
