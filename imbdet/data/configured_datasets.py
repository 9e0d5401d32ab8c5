"""Data sets of a config and their annotation files."""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imbdet.annotations.annotation_arrays import AnnotationArrays
from imbdet.annotations.faults import Fault, find_faults, first_ten
from imbdet.annotations.reader import AnnotationFile
from imbdet.data.wrappers import inner_configs


class ConfiguredDataset(NamedTuple):
    """A data set of a config, with its annotation file.

    Attributes:
        path: The annotation file.
        kind: Class of the data set: mmdet's CocoDataset or a subclass.
        classes: Class names from the config, or by default those of the class; None for all of the file.
        filter_cfg: mmdet's ``filter_empty_gt`` and ``min_size``, empty for none.
        names_classes: Whether the config itself names the classes.
        metainfo_keys: Keys of the config's ``metainfo``.
    """

    path: str
    kind: type
    classes: Sequence[str] | None
    filter_cfg: dict
    names_classes: bool
    metainfo_keys: tuple[str, ...] = ()

    @property
    def is_lvis(self) -> bool:
        """Whether it is one of mmdet's LVIS data sets, which use all categories of the file."""
        from mmdet.datasets.lvis import LVISV05Dataset
        return issubclass(self.kind, LVISV05Dataset)

    def faults(self, content: AnnotationFile, columns: AnnotationArrays) -> Iterator[Fault]:
        """Search the file for faults that crash this data set, corrupt training or make it drop annotations silently.

        Args:
            content: Content of the file.
            columns: The same as arrays.

        Yields:
            The faults, fatal ones first.
        """
        from mmdet.datasets import LVISV1Dataset
        if not self.is_lvis:
            yield from missing_location(content, 'file_name')
            yield from self._unnamed_classes([category.name for category in content.categories])
            yield from find_faults(content, columns, self.classes, self.filter_cfg)
            return
        # LVIS data sets use all categories of the file. mmdet spells one of LVIS v1's names differently from the file, so
        # its own list is compared by length only, a user's by name.
        names, classes = [category.name for category in content.categories], self.classes or ()
        if len(names) != len(classes) or (self.names_classes and list(classes) != names):
            yield Fault('classes that differ from the file', 'class', list(classes),
                        class_mismatch_message(self.kind, len(names), len(classes)))
        yield from missing_location(content, 'coco_url' if issubclass(self.kind, LVISV1Dataset) else 'file_name')
        yield from find_faults(content, columns, None, self.filter_cfg)

    def _unnamed_classes(self, names: Sequence[str]) -> Iterator[Fault]:
        """Find a config that leaves the classes to the data set's defaults, which are not those of the file."""
        defaults = list(self.classes or ())
        if self.names_classes or set(defaults) <= set(names):
            return
        misspelled = [key for key in self.metainfo_keys if key.lower() in ('classes', 'class', 'class_names')]
        read = 'the config names no classes'
        if misspelled:
            read = f'metainfo has the key {misspelled[0]!r}, which mmdet 3 does not read'
        yield Fault('classes that the config does not name', 'class', defaults,
                    f'{read}, so that the {len(defaults)} default classes of {self.kind.__name__} count '
                    f'({first_ten(defaults)}), but the file has others; write metainfo=dict(classes={tuple(names[:10])!r}'
                    + (' and so on, all classes of the file in its order)' if len(names) > 10 else ')'))


LOCATIONS = {'file_name': 'CocoDataset', 'coco_url': 'LVISV1Dataset'}
"""The key by which each data set finds the file of an image."""


def missing_location(content: AnnotationFile, key: str, is_fatal: bool = True) -> Iterator[Fault]:
    """Find images without the key that locates their files.

    Args:
        content: Content of the file.
        key: ``'coco_url'``, which LVISV1Dataset uses, or ``'file_name'``, which all others use.
        is_fatal: Whether such a data set actually reads the file, so that the fault is fatal.

    Yields:
        At most one fault.
    """
    missing = [image.id for image in content.images if getattr(image, key) is None]
    if missing:
        (other, taker), = [(other, taker) for other, taker in LOCATIONS.items() if other != key]
        has_other = all(getattr(image, other) is not None for image in content.images)
        advice = f'use type={taker!r}, which reads {other!r}' if has_other else 'add it to the file'
        yield Fault(f'images without {key}', 'image', missing,
                    f'{len(missing)} images have no {key!r}, which {LOCATIONS[key]} needs to find their files (first image id '
                    f'{missing[0]}); {advice}', is_fatal)


def configured_datasets(cfg: dict, loader: str) -> Iterator[ConfiguredDataset]:
    """List the annotation files that a dataloader of a config reads.

    Args:
        cfg: An mmdet config.
        loader: Name of the dataloader, such as ``'train_dataloader'``; it may be missing or None.

    Yields:
        Each COCO or LVIS data set, also those inside wrappers. Other formats are skipped, and so are files on remote storage
        that mmengine's backends read.
    """
    from mmdet.datasets import CocoDataset
    from mmdet.registry import DATASETS

    for dataset in inner_configs((cfg.get(loader) or {}).get('dataset') or {}):
        kind = DATASETS.get(dataset['type']) if isinstance(dataset['type'], str) else dataset['type']
        path = dataset['ann_file']
        if kind is None or not issubclass(kind, CocoDataset) or '://' in path:
            continue
        if dataset.get('data_root') and not os.path.isabs(path):
            path = os.path.join(dataset['data_root'], path)
        metainfo = dataset.get('metainfo') or {}
        filter_cfg = {} if dataset.get('test_mode') else dict(dataset.get('filter_cfg') or {})
        yield ConfiguredDataset(path, kind, kind._load_metainfo(metainfo).get('classes'), filter_cfg, 'classes' in metainfo,
                                tuple(metainfo))


def class_mismatch_message(kind: type, num_categories: int, num_classes: int) -> str:
    """Return the error text for an LVIS data set whose config names other classes than the file.

    Args:
        kind: Class of the data set.
        num_categories: Number of categories of the file.
        num_classes: Number of classes of the config.
    """
    return (f"{kind.__name__} always uses all {num_categories} categories of the file, but the {num_classes} classes of the "
            "config differ from them; use type='CocoDataset', which also reads LVIS files")
