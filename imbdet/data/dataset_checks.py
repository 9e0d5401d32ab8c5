"""Checks of data sets and of their configs against the annotation files."""

from pathlib import Path
from typing import Any

from imbdet.annotations.annotation_arrays import to_arrays
from imbdet.annotations.file_checks import FaultReport, check_class_names, raise_fatal
from imbdet.annotations.reader import AnnotationError, load_annotations
from imbdet.data.configured_datasets import class_mismatch_message, configured_datasets
from imbdet.data.wrappers import inner_datasets


def check_dataset_classes(dataset: Any) -> None:
    """Raise if a built data set's classes are not those of its annotation file.

    mmdet's CocoDataset skips a class whose name is not in the file, which shifts all later labels. LVISV1Dataset uses all
    categories of the file, whatever its classes are. Both change the number of ``cat_ids``, so the file is read again only
    to name the class.

    Args:
        dataset: A data set or a wrapper of data sets; data sets without ``cat_ids`` are not checked.

    Raises:
        AnnotationError: If the numbers differ.
    """
    from mmdet.datasets.lvis import LVISV05Dataset

    for inner in inner_datasets(dataset):
        if not hasattr(inner, 'cat_ids'):
            continue
        names = tuple(inner.metainfo.get('classes') or ())
        if len(inner.cat_ids) == len(names):
            continue
        if isinstance(inner, LVISV05Dataset):
            raise AnnotationError(f'{inner.ann_file}: {class_mismatch_message(type(inner), len(inner.cat_ids), len(names))}')
        in_file = [category.name for category in load_annotations(inner.ann_file).categories]
        check_class_names(inner.ann_file, names, in_file)
        raise AnnotationError(f'{inner.ann_file}: {len(inner.cat_ids)} categories match the {len(names)} classes of the '
                              'config; a name must appear only once in the file and only once in the config')


def check_config(cfg: dict, loaders: tuple[str, ...]) -> list[FaultReport]:
    """Check the annotation files of a config's dataloaders before anything is built from them.

    Args:
        cfg: An mmdet config.
        loaders: Dataloaders to look at, such as ``('train_dataloader', 'val_dataloader')``; those that the config does
            not have, or sets to None, are skipped.

    Returns:
        One report per annotation file.

    Raises:
        FileNotFoundError: If an annotation file does not exist.
        AnnotationError: If a file cannot be used with the config.
    """
    reports = {}
    for loader in loaders:
        for use in configured_datasets(cfg, loader):
            content = load_annotations(use.path)
            path = Path(use.path)
            reports[path] = FaultReport(path, raise_fatal(use.path, use.faults(content, to_arrays(content))))
    return list(reports.values())
