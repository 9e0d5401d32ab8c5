"""Checks of data sets and of their configs against the annotation files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from imbdet.annotations.annotation_arrays import to_arrays
from imbdet.annotations.class_faults import OTHER_ORDER, label_difference
from imbdet.annotations.fault import Fault, first_ten
from imbdet.annotations.file_checks import FaultReport, check_class_names, raise_fatal
from imbdet.annotations.reader import AnnotationError, load_annotations, load_categories
from imbdet.annotations.suspicions import find_suspicions
from imbdet.data.configured_datasets import ConfiguredDataset, class_mismatch_message, configured_datasets, names_of_mmdet
from imbdet.data.wrappers import inner_datasets

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def check_dataset_classes(dataset: Any) -> None:
    """Raise if the labels of a built data set are not those of its class names.

    mmdet's CocoDataset skips a class whose name is not in the file, which shifts all later labels, and numbers the labels in
    the file's order, Objects365V1Dataset by ascending id. LVISV1Dataset uses all categories of the file, whatever its classes
    are. The check compares the mapping that the data set made, ``cat2label``, with the names of the file, whatever its class.

    Args:
        dataset: A data set or a wrapper of data sets; data sets without ``cat_ids`` are not checked.

    Raises:
        AnnotationError: If a label has another name in the config than in the file.
    """
    from mmdet.datasets.lvis import LVISV05Dataset

    for inner in inner_datasets(dataset):
        if not hasattr(inner, 'cat_ids'):
            continue
        names = tuple(inner.metainfo.get('classes') or ())
        is_whole = len(inner.cat_ids) == len(names)
        if isinstance(inner, LVISV05Dataset) and is_whole and names_of_mmdet(type(inner), names):
            continue  # mmdet spells a name of LVIS v1 differently: the number is compared
        if Path(inner.ann_file).is_file():  # not on remote storage
            _check_label_names(inner, names)
        elif not is_whole:
            raise AnnotationError(f'{inner.ann_file}: {len(inner.cat_ids)} categories match the {len(names)} classes of the '
                                  'config; correct metainfo=dict(classes=...)')


def _check_label_names(dataset: Any, names: Sequence[str]) -> None:
    """Compare the names of labels; the categories of the file are those that count in the order of the labels."""
    from mmdet.datasets.lvis import LVISV05Dataset

    categories = load_categories(dataset.ann_file)
    by_id = {category.id: category.name for category in categories}
    # What numbers the labels; cat_ids is in the same order in all of mmdet's data sets, but not in every subclass.
    label_of = getattr(dataset, 'cat2label', None) or {category_id: label for label, category_id in enumerate(dataset.cat_ids)}
    in_order = sorted(label_of, key=label_of.__getitem__)
    of_labels = [by_id.get(category_id) for category_id in in_order]
    if of_labels == list(names):
        return
    if isinstance(dataset, LVISV05Dataset):
        in_file = [category.name for category in categories]
        raise AnnotationError(f'{dataset.ann_file}: {class_mismatch_message(type(dataset), in_file, names)}')
    used = set(in_order)
    rest = [category.name for category in categories if category.id not in used]
    check_class_names(dataset.ann_file, names, [*filter(None, of_labels), *rest])
    raise AnnotationError(f'{dataset.ann_file}: {len(dataset.cat_ids)} categories match the {len(names)} classes of the '
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
            columns = to_arrays(content)
            faults = (_with_advice_for_all(fault, use, cfg) for fault in use.faults(content, columns))
            reports[path] = FaultReport(path, raise_fatal(use.path, faults) + use.mask_faults(content),
                                        list(find_suspicions(content, columns)))
    _check_same_classes(cfg)
    return list(reports.values())


def _check_same_classes(cfg: dict) -> None:
    """Raise if data sets of the config have different classes: the labels of a detector are those of its training.

    A detector that takes its classes from a text may be tested with others.
    """
    if (cfg.get('model') or {}).get('language_model'):
        return
    uses = [(loader, use, list(use.classes)) for loader in LOADERS for use in configured_datasets(cfg, loader) if use.classes]
    for loader, use, classes in uses[1:]:
        first_loader, first, expected = uses[0]
        if classes != expected:
            raise AnnotationError(f'{first_loader} ({first.path}) and {loader} ({use.path}) have different classes '
                                  f'({label_difference(expected, classes)}); write the same metainfo=dict(classes=...) in all')


def _with_advice_for_all(fault: Fault, use: ConfiguredDataset, cfg: dict) -> Fault:
    """Replace advice on the order of the classes if it would not fit the other files of the config."""
    if fault.kind != OTHER_ORDER:
        return fault
    order = _label_names(use)
    for other in _other_uses(cfg, use):
        other_order = _label_names(other)
        common = set(order) & set(other_order) & set(use.classes or ())
        mine, theirs = ([name for name in names if name in common] for names in (order, other_order))
        if mine != theirs:
            return fault._replace(message=(
                f'its categories are in another order ({first_ten(mine)}) than those of {other.path} ({first_ten(theirs)}). '
                'mmdet takes labels from the order of each file, so no order of the classes fits both; write a file in the '
                f"order of the other: 'imbdet fix {use.path} --categories-like {other.path} --out NEW'"))
    return fault


def _other_uses(cfg: dict, use: ConfiguredDataset) -> Iterator[ConfiguredDataset]:
    """Yield the config's other data sets whose files exist, those of the training first."""
    for loader in LOADERS:
        for other in configured_datasets(cfg, loader):
            if (other.path, other.kind) != (use.path, use.kind) and not other.is_lvis and Path(other.path).is_file():
                yield other


def _label_names(use: ConfiguredDataset) -> list[str]:
    return [category.name for category in use.label_order(load_categories(use.path))]
