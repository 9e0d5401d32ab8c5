"""How the data sets of a config use annotation files."""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imbdet.annotations.annotation_arrays import AnnotationArrays
from imbdet.annotations.faults import Fault, find_faults
from imbdet.annotations.reader import AnnotationFile
from imbdet.data.wrappers import inner_configs


class ConfiguredDataset(NamedTuple):
    """How a data set of a config uses an annotation file.

    Attributes:
        path: The file.
        kind: Class of the data set, mmdet's CocoDataset or derived from it.
        classes: Names that it is configured with or has by default; None for all of the file.
        filter_cfg: mmdet's ``filter_empty_gt`` and ``min_size``, empty for none.
        names_classes: Whether the config itself names the classes.
    """

    path: str
    kind: type
    classes: Sequence[str] | None
    filter_cfg: dict
    names_classes: bool

    @property
    def is_lvis(self) -> bool:
        """Whether it is one of mmdet's LVIS data sets, which take all the file's categories."""
        from mmdet.datasets.lvis import LVISV05Dataset
        return issubclass(self.kind, LVISV05Dataset)

    def faults(self, content: AnnotationFile, columns: AnnotationArrays) -> Iterator[Fault]:
        """Look through the file for what this data set trips over or drops silently.

        Args:
            content: What the file holds.
            columns: The same as arrays.

        Yields:
            The faults, those that end a run first.
        """
        from mmdet.datasets import LVISV1Dataset
        if not self.is_lvis:
            yield from lacking_location(content, 'file_name')
            yield from find_faults(content, columns, self.classes, self.filter_cfg)
            return
        # LVIS data sets take all the file's categories. mmdet spells one of LVIS v1's names otherwise than the file
        # does, so its own list is compared by length only, a user's by name.
        names, classes = [category.name for category in content.categories], self.classes or ()
        if len(names) != len(classes) or (self.names_classes and list(classes) != names):
            yield Fault('classes other than the file has', 'class', list(classes),
                        takes_all_message(self.kind, len(names), len(classes)))
        yield from lacking_location(content, 'coco_url' if issubclass(self.kind, LVISV1Dataset) else 'file_name')
        yield from find_faults(content, columns, None, self.filter_cfg)


LOCATIONS = {'file_name': 'CocoDataset', 'coco_url': 'LVISV1Dataset'}
"""By what key each data set finds the file of an image."""


def lacking_location(content: AnnotationFile, key: str, is_fatal: bool = True) -> Iterator[Fault]:
    """Find images that a data set cannot find the files of.

    Args:
        content: What the file holds.
        key: ``'coco_url'``, by which LVISV1Dataset finds files, or ``'file_name'``, by which all others do.
        is_fatal: Whether the file is read by such a data set, not just could be.

    Yields:
        At most one fault.
    """
    lacking = [image.id for image in content.images if getattr(image, key) is None]
    if lacking:
        (other, taker), = [(other, taker) for other, taker in LOCATIONS.items() if other != key]
        has_other = all(getattr(image, other) is not None for image in content.images)
        advice = f'use type={taker!r}, which takes {other!r}' if has_other else 'add it to the file'
        yield Fault(f'images without {key}', 'image', lacking,
                    f'{len(lacking)} images have no {key!r}, which {LOCATIONS[key]} finds their files by (first image id '
                    f'{lacking[0]}); {advice}', is_fatal)


def configured_datasets(cfg: dict, loader: str) -> Iterator[ConfiguredDataset]:
    """List the annotation files that a dataloader of a config reads.

    Args:
        cfg: An mmdet config.
        loader: Name of the dataloader, such as ``'train_dataloader'``; the config may lack it or set it to None.

    Yields:
        A use for each COCO or LVIS data set inside wrappers. Other formats are passed over, and files in storages that
        mmengine's backends read.
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
        yield ConfiguredDataset(path, kind, kind._load_metainfo(metainfo).get('classes'), filter_cfg, 'classes' in metainfo)


def takes_all_message(kind: type, num_categories: int, num_classes: int) -> str:
    """Say that a data set of LVIS takes all of a file's categories, not the config's classes.

    Args:
        kind: Class of the data set.
        num_categories: Categories of the file.
        num_classes: Classes of the config.
    """
    return (f"{kind.__name__} takes all of the file's {num_categories} categories as they stand, but the config "
            f"names {num_classes} classes or others; use type='CocoDataset', which reads LVIS files too")
