"""Checks of data sets, built or configured, against their annotation files."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imbdet.annotations.faults import AnnotationError, FaultReport, check_class_names, check_content
from imbdet.annotations.reader import load_annotations


def class_names(dataset: Any) -> tuple[str, ...]:
    """Return the class names of a data set or wrapper.

    Raises:
        ValueError: If it has none, or is a concatenation of data sets with different classes.
    """
    metainfo = dataset.metainfo
    metainfos = metainfo if isinstance(metainfo, list) else [metainfo]  # a list: ConcatDataset of unequal data sets
    names = {tuple(info.get('classes') or ()) for info in metainfos}
    if len(names) > 1:
        raise ValueError(f'{type(dataset).__name__} joins data sets with different classes; give all of them the same '
                         "metainfo=dict(classes=...)")
    if not any(names):
        raise ValueError(f'{type(dataset).__name__} has no class names; give it metainfo=dict(classes=...)')
    return names.pop()


def check_dataset_classes(dataset: Any) -> None:
    """Raise if a built data set's classes are not those of its annotation file.

    mmdet's CocoDataset leaves out a class whose name the file does not hold, and thereby shifts all labels after it;
    LVISV1Dataset takes all the file's categories, whatever its classes are. Both show in the number of ``cat_ids``, so
    the file is read again only to name the class.

    Args:
        dataset: A data set or a wrapper of data sets; data sets without ``cat_ids`` are left alone.

    Raises:
        AnnotationError: If the numbers differ.
    """
    from mmdet.datasets.lvis import LVISV05Dataset

    for inner in _inner(dataset):
        if not hasattr(inner, 'cat_ids'):
            continue
        names = tuple(inner.metainfo.get('classes') or ())
        if len(inner.cat_ids) == len(names):
            continue
        if isinstance(inner, LVISV05Dataset):
            raise AnnotationError(_takes_all(inner.ann_file, type(inner), len(inner.cat_ids), len(names)))
        in_file = [category.name for category in load_annotations(inner.ann_file).categories]
        check_class_names(inner.ann_file, names, in_file)
        raise AnnotationError(f'{inner.ann_file}: {len(inner.cat_ids)} categories bear the names of the {len(names)} '
                              'classes of the config; a name may stand only once in the file and in the config')


def _inner(dataset: Any) -> Iterator[Any]:
    """Yield the data sets inside wrappers."""
    if hasattr(dataset, 'datasets'):
        for part in dataset.datasets:
            yield from _inner(part)
    elif hasattr(dataset, 'dataset'):
        yield from _inner(dataset.dataset)
    else:
        yield dataset


def _takes_all(path: str, kind: type, num_categories: int, num_classes: int) -> str:
    return (f"{path}: {kind.__name__} takes all of the file's {num_categories} categories as they stand, but the config "
            f"names {num_classes} classes or others; use type='CocoDataset', which reads LVIS files too")


def check_config(cfg: dict, loaders: tuple[str, ...]) -> list[FaultReport]:
    """Check the annotation files of a config's dataloaders before anything is built from them.

    Args:
        cfg: An mmdet config.
        loaders: Dataloaders to look at, such as ``('train_dataloader', 'val_dataloader')``; those that the config does
            not have, or sets to None, are passed over.

    Returns:
        A report for each annotation file, each file once.

    Raises:
        FileNotFoundError: If an annotation file does not exist.
        AnnotationError: If a file cannot be used with this config.
    """
    reports = {}
    for loader in loaders:
        for dataset in _inner_configs((cfg.get(loader) or {}).get('dataset') or {}):
            report = _check_dataset_config(dataset)
            if report is not None:
                reports[report.path] = report
    return list(reports.values())


def _inner_configs(dataset: dict) -> Iterator[dict]:
    """Yield the data set configs inside wrappers' configs."""
    for part in dataset.get('datasets') or ():
        yield from _inner_configs(part)
    if dataset.get('dataset'):
        yield from _inner_configs(dataset['dataset'])
    elif dataset.get('ann_file'):
        yield dataset


def _check_dataset_config(dataset: dict) -> FaultReport | None:
    """Check one data set's file; None for data sets that are not read from COCO or LVIS files."""
    from mmdet.datasets import CocoDataset, LVISV1Dataset
    from mmdet.datasets.lvis import LVISV05Dataset
    from mmdet.registry import DATASETS

    kind = DATASETS.get(dataset['type']) if isinstance(dataset['type'], str) else dataset['type']
    if kind is None or not issubclass(kind, CocoDataset):
        return None
    path = dataset['ann_file']
    if dataset.get('data_root') and not os.path.isabs(path):
        path = os.path.join(dataset['data_root'], path)
    metainfo = dataset.get('metainfo') or {}
    classes = kind._load_metainfo(metainfo).get('classes')
    filter_cfg = {} if dataset.get('test_mode') else dataset.get('filter_cfg') or {}
    if '://' in path:  # a storage that mmengine's backends read, not a file
        return None
    content = load_annotations(path)
    if not issubclass(kind, LVISV05Dataset):
        return check_content(Path(path), content, classes, filter_cfg)
    # LVIS data sets take all the file's categories. mmdet spells one of LVIS v1's names otherwise than the file does,
    # so its own list is compared by length only, a user's by name.
    names = [category.name for category in content.categories]
    if len(names) != len(classes) or ('classes' in metainfo and list(classes) != names):
        raise AnnotationError(_takes_all(path, kind, len(names), len(classes)))
    if issubclass(kind, LVISV1Dataset):
        lacking = [image.id for image in content.images if image.coco_url is None]
        if lacking:
            raise AnnotationError(f"{path}: {len(lacking)} images have no 'coco_url', which LVISV1Dataset finds their "
                                  f"files by (first image id {lacking[0]}); use type='CocoDataset', which takes "
                                  "'file_name'")
    return check_content(Path(path), content, None, filter_cfg)
