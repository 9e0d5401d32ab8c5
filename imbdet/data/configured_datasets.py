"""Data sets of a config and their annotation files."""

import inspect
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imbdet.annotations.annotation_arrays import AnnotationArrays
from imbdet.annotations.class_faults import MOST_NAMES, OTHER_ORDER, label_difference
from imbdet.annotations.fault import Fault, first_ten
from imbdet.annotations.faults import find_faults, usable_boxes
from imbdet.annotations.mask_checks import check_masks
from imbdet.annotations.reader import AnnotationFile, Category
from imbdet.data.wrappers import inner_configs


class ConfiguredDataset(NamedTuple):
    """A data set of a config, with its annotation file.

    Attributes:
        path: The annotation file.
        kind: Class of the data set: mmdet's CocoDataset or a subclass.
        classes: Class names from the config, or by default those of the class; None for all of the file.
        filter_cfg: mmdet's ``filter_empty_gt`` and ``min_size``, empty for none.
        metainfo_keys: Keys of the config's ``metainfo``.
        with_masks: Whether its pipeline loads masks.
    """

    path: str
    kind: type
    classes: Sequence[str] | None
    filter_cfg: dict
    metainfo_keys: tuple[str, ...] = ()
    with_masks: bool = False

    @property
    def names_classes(self) -> bool:
        """Whether the config itself names the classes."""
        return 'classes' in self.metainfo_keys

    @property
    def is_lvis(self) -> bool:
        """Whether it is one of mmdet's LVIS data sets, which use all categories of the file."""
        from mmdet.datasets.lvis import LVISV05Dataset
        return issubclass(self.kind, LVISV05Dataset)

    @property
    def numbers_labels(self) -> bool:
        """Whether a subclass of mmdet's data sets reads the file itself, and perhaps numbers the labels in its own way."""
        owner = next(base for base in self.kind.__mro__ if 'load_data_list' in vars(base))
        return not owner.__module__.startswith(('mmdet.', 'imbdet.'))

    def label_order(self, categories: Sequence[Category]) -> list[Category]:
        """Sort categories in the order in which this data set numbers its labels.

        Args:
            categories: Categories in the file's order, which counts for all of mmdet's data sets but one: Objects365V1Dataset
                sorts them by their ids.

        Returns:
            The sorted categories.
        """
        from mmdet.datasets import Objects365V1Dataset
        if issubclass(self.kind, Objects365V1Dataset):
            return sorted(categories, key=lambda category: category.id)
        return list(categories)

    def faults(self, content: AnnotationFile, columns: AnnotationArrays) -> Iterator[Fault]:
        """Search the file for faults that crash this data set, corrupt training or make it drop annotations silently.

        Args:
            content: Content of the file.
            columns: The same as arrays.

        Yields:
            The faults, fatal ones first. Masks are not looked at, see :meth:`mask_faults`.
        """
        from mmdet.datasets import LVISV1Dataset
        if not self.is_lvis:
            yield from missing_location(content, 'file_name')
            names = [category.name for category in self.label_order(content.categories)]
            yield from self._unnamed_classes(names)
            fits = True
            for fault in find_faults(content, columns, self.classes, self.filter_cfg, names):
                fits &= fault.of != 'class'
                if fault.kind == OTHER_ORDER and self.numbers_labels:
                    continue  # it is known only when the data set is built, see check_dataset_classes
                if fault.kind == OTHER_ORDER and names != [category.name for category in content.categories]:
                    advice = fault.message.rpartition('; ')[2]
                    fault = fault._replace(message=f'{self.kind.__name__} numbers labels by ascending category id, and the '
                                                   f'classes of the config are in another order; {advice}')
                yield fault
            if fits:
                yield from self._left_out(content, columns)
            return
        # LVIS data sets use all categories of the file. mmdet spells one of LVIS v1's names differently from the file, so
        # its own list is compared by length only, a user's by name.
        names, classes = [category.name for category in content.categories], self.classes or ()
        if len(names) != len(classes) or (list(classes) != names and not names_of_mmdet(self.kind, classes)):
            yield Fault('classes that differ from the file', 'class', list(classes),
                        class_mismatch_message(self.kind, names, classes))
        yield from missing_location(content, 'coco_url' if issubclass(self.kind, LVISV1Dataset) else 'file_name')
        yield from find_faults(content, columns, None, self.filter_cfg)

    def _left_out(self, content: AnnotationFile, columns: AnnotationArrays) -> Iterator[Fault]:
        """Find annotations of categories that the config does not name."""
        names = set(self.classes or ())
        is_left_out = np.array([bool(names) and category.name not in names for category in content.categories] + [False])
        dropped = np.flatnonzero(usable_boxes(columns) & is_left_out[columns.categories]).tolist()
        if dropped and not isinstance(self.classes, str):
            left_out = list(dict.fromkeys(content.categories[columns.categories[position]].name for position in dropped))
            yield Fault('annotations of categories that the config does not name', 'annotation',
                        [content.annotations[position].id for position in dropped],
                        f'{len(dropped)} of {len(content.annotations)} annotations are of {len(left_out)} categories that the '
                        f'classes of the config leave out ({first_ten(left_out)}), and mmdet drops them', is_fatal=False)

    def mask_faults(self, content: AnnotationFile) -> list[Fault]:
        """Search the file for masks that crash mmdet or take too much memory, if the pipeline loads masks.

        Args:
            content: Content of the file.

        Returns:
            The faults with which a training can start.

        Raises:
            AnnotationError: If an annotation of the data set's classes has a mask that cannot be used.
        """
        if not self.with_masks:
            return []
        names = None if self.is_lvis or self.classes is None else set(self.classes)
        counted = {category.id for category in content.categories if names is None or category.name in names}
        return check_masks(self.path, is_training=True, categories=counted)

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
                    f'({first_ten(defaults)}), but the file has others; write metainfo=dict(classes='
                    + (f'{tuple(names)!r})' if len(names) <= MOST_NAMES else
                       f'{tuple(names[:10])!r} and so on, all classes of the file in its order)'))


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

    Raises:
        FileNotFoundError: If the file with the class names of a V3DetDataset does not exist.
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
        filter_cfg = {} if dataset.get('test_mode') else dict(dataset.get('filter_cfg') or {})
        yield ConfiguredDataset(path, kind, _classes(kind, dataset), filter_cfg, tuple(dataset.get('metainfo') or {}),
                                _loads_masks(dataset.get('pipeline') or ()))


def _loads_masks(pipeline: Sequence[dict]) -> bool:
    """Return whether a pipeline loads polygons or run lengths; panoptic masks are images, which other transforms load."""
    return any(transform.get('with_mask') and getattr(transform['type'], '__name__', transform['type']).endswith(
        'LoadAnnotations') for transform in pipeline)


def _classes(kind: Any, dataset: dict) -> Sequence[str] | None:
    """Return the classes of a data set's config; those of V3DetDataset are in a text file unless the config names them."""
    from mmdet.datasets import V3DetDataset

    if issubclass(kind, V3DetDataset) and dataset.get('metainfo') is None:
        default = inspect.signature(kind.__init__).parameters['label_file'].default
        path = Path(dataset.get('data_root') or '', dataset.get('label_file', default))
        if not path.is_file():
            raise FileNotFoundError(f'{kind.__name__} reads the names of its classes from {path}, which does not exist; '
                                    'correct data_root or label_file')
        return path.read_text(encoding='utf-8').splitlines()
    return kind._load_metainfo(dataset.get('metainfo') or {}).get('classes')


def names_of_mmdet(kind: type, classes: Sequence[str]) -> bool:
    """Return whether classes are those that mmdet itself has for a data set; it spells a name of LVIS v1 differently."""
    return list(classes) == list(getattr(kind, 'METAINFO', {}).get('classes') or ())


def class_mismatch_message(kind: type, names: Sequence[str], classes: Sequence[str]) -> str:
    """Return the error text for an LVIS data set whose config names other classes than the file.

    Args:
        kind: Class of the data set.
        names: Names of the file's categories, in its order.
        classes: Classes of the config.
    """
    return (f'{kind.__name__} always uses all {len(names)} categories of the file, but the {len(classes)} classes of the '
            f'config differ from them (in the file and in the config, {label_difference(names, classes)}); use '
            "type='CocoDataset', which also reads LVIS files")
