"""Which images a config trains on, or an annotation file holds, and the boxes in them."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from imbdet.annotations import load_annotations
from imbdet.classes import class_names, file_labels
from imbdet.data.data_infos import box_labels, data_infos
from imbdet.data.image_reader import ImageReader, pipeline_reader
from imbdet.data.image_table import ImageKey, image_key
from imbdet.data.wrappers import inner_datasets


class TrainingImages(NamedTuple):
    """Images, each once.

    Attributes:
        keys: Id and path of each.
        labels: For each image the classes of its boxes, int64, crowd boxes left out.
        class_names: Names of the classes.
        reader: How the training reads the images.
    """

    keys: list[ImageKey]
    labels: list[np.ndarray]
    class_names: tuple[str, ...]
    reader: ImageReader = ImageReader()

    def select(self, chosen: np.ndarray) -> 'TrainingImages':
        """Return some of the images.

        Args:
            chosen: Whether each is one of them, shape (number of images,), bool.
        """
        positions = np.flatnonzero(chosen)
        return self._replace(keys=[self.keys[index] for index in positions],
                             labels=[self.labels[index] for index in positions])


def images_of_config(cfg: Config) -> TrainingImages:
    """List the images that a config trains on.

    Args:
        cfg: An mmdet config with a ``train_dataloader``.

    Returns:
        Its images; one that the data set holds several times, once.

    Raises:
        ValueError: If there is no ``train_dataloader``, or no image.
        TypeError: If the data set cannot list its images.
    """
    if 'train_dataloader' not in cfg:
        raise ValueError(f'{cfg.filename} has no train_dataloader, whose images could be embedded')
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    dataset: Any = DATASETS.build(cfg.train_dataloader.dataset)
    images = {}
    for info in data_infos(dataset):
        key = image_key(info)
        images[key.img_path] = key, box_labels(info)
    if not images:
        raise ValueError(f'{cfg.filename}: the training set has no images; its filter_cfg or its classes may have removed '
                         'them all')
    keys, labels = zip(*images.values(), strict=True)
    return TrainingImages(list(keys), list(labels), class_names(dataset), pipeline_reader(next(inner_datasets(dataset))))


def images_of_annotations(ann_file: str | Path, folder: str | Path) -> TrainingImages:
    """List the images of a COCO or LVIS annotation file.

    Args:
        ann_file: The file.
        folder: Where its images are.

    Returns:
        All its images, those without boxes too.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it is no annotation file.
        ValueError: If an image has no file name, or there is none.
    """
    content = load_annotations(ann_file)
    if not content.images:
        raise ValueError(f'{ann_file} has no images')
    keys = []
    for image in content.images:
        # LVIS v1 has no file_name; its images are COCO's, in folders such as train2017.
        name = image.file_name or '/'.join((image.coco_url or '').split('/')[-2:])
        if not name:
            raise ValueError(f'{ann_file}: image {image.id} has neither file_name nor coco_url')
        keys.append(ImageKey(image.id, str(Path(folder) / name)))
    return TrainingImages(keys, file_labels(content), tuple(category.name for category in content.categories))
