"""What is tried with a data set, compared with the boxes that were written, by the names of their classes."""

import contextlib
import io
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from data_set_files import Box, Written, category_ids, coco_content, write_json
from mmdet.registry import DATASETS
from mmengine.logging import MMLogger

from imbdet.annotations import AnnotationError, load_annotations
from imbdet.classes import dataset_counts
from imbdet.cli import main as imbdet_command
from imbdet.data import check_config, check_dataset_classes, configured_datasets
from imbdet.evaluation import LongTailMetric
from imbdet.repeat_sampling import RepeatFactorSampler

THRESHOLD = 0.9
"""Of the sampler: most classes of the tiny files are rarer."""


class Case(NamedTuple):
    """A data set that was built from the files written for it."""

    kind: type
    written: Written
    dataset: Any


@contextlib.contextmanager
def captured_log() -> Iterator[list[str]]:
    """Collect what mmengine logs, instead of showing it, and hide what mmdet and pycocotools print."""
    logger, lines = MMLogger.get_current_instance(), []
    shown = logger.handlers
    collecting = logging.Handler()
    collecting.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger.handlers = [collecting]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield lines
    finally:
        logger.handlers = shown


def build(config: dict) -> Any:
    """Build a data set as a config does, without a pipeline."""
    return DATASETS.build({'pipeline': [], **config})


def true_counts(names: Sequence[str], images: dict[str, list[Box]]) -> tuple[list[int], list[int]]:
    """Count the images and the boxes of each class, by name."""
    found = [[box.name for box in boxes if not box.is_ignored] for boxes in images.values()]
    return [sum(name in of_image for of_image in found) for name in names], [sum(of_image.count(name) for of_image in found)
                                                                             for name in names]


def check_counts(case: Case) -> str:
    """Compare the counts of the data set with those of what was written."""
    counts = dataset_counts(case.dataset)
    names = list(case.dataset.metainfo['classes'])
    images, boxes = true_counts(names, case.written.images)
    assert names == case.written.names
    assert (counts.images.tolist(), counts.boxes.tolist(), counts.num_images) == (images, boxes, len(case.written.images))
    return 'yes'


def check_sampler(case: Case) -> str:
    """Compare the factors of classes and images with those of the images that were written."""
    sampler = RepeatFactorSampler(case.dataset, method='rfs', threshold=THRESHOLD, seed=0)
    counts, _ = true_counts(case.written.names, case.written.images)
    number = len(case.written.images)
    factors = {name: max(1.0, math.sqrt(THRESHOLD * number / count)) if count else 1.0
               for name, count in zip(case.written.names, counts, strict=True)}
    of_images = [max([1.0, *(factors[box.name] for box in boxes if not box.is_ignored)])
                 for boxes in case.written.images.values()]
    assert list(case.dataset.metainfo['classes']) == case.written.names
    assert torch.allclose(torch.tensor(sampler.category_factors), torch.tensor([*factors.values()], dtype=torch.float64))
    assert torch.allclose(torch.tensor(sampler.image_factors), torch.tensor(of_images, dtype=torch.float64))
    return 'yes'


def wrong_classes(case: Case) -> dict[str, list[str]]:
    """Return lists of classes that are not those of the file: one with a typing error, one in another order."""
    first, second, *rest = case.written.names
    return {'spelling': [first, f'{second}x', *rest], 'order': [second, first, *rest]}


def verdict(case: Case, check: Callable[[dict], Any]) -> str:
    """Tell whether a check accepts the right classes, and refuses wrong ones by name."""
    try:
        check(case.written.config)
    except AnnotationError as error:
        return f'GAP: the right classes are refused: {error}'
    accepted, unnamed = [], None
    for wrong, classes in wrong_classes(case).items():
        try:
            check({**case.written.config, 'metainfo': {'classes': classes}})
        except AnnotationError as error:
            if case.written.names[1] not in str(error):
                unnamed = str(error)
        else:
            accepted.append(wrong)
    if accepted:
        return f'GAP: accepts wrong {" and ".join(accepted)}'
    return f'GAP: refused without the class: {unnamed}' if unnamed else 'yes'


def check_of_config(case: Case) -> str:
    """Try the check of a config, before anything is built from it."""

    def loader(config: dict) -> dict:
        return {'train_dataloader': {'dataset': config}}

    if not [*configured_datasets(loader(case.written.config), 'train_dataloader')]:
        return 'not read'
    return verdict(case, lambda config: check_config(loader(config), ('train_dataloader', )))


def check_of_built(case: Case) -> str:
    """Try the check of a built data set."""
    check_dataset_classes(case.dataset)
    if not hasattr(case.dataset, 'cat_ids'):
        return 'not read'
    return verdict(case, lambda config: check_dataset_classes(build(config)))


def ap_of_truth(dataset: Any, file: Path, style: str) -> float:
    """Evaluate the boxes of a data set, with the labels that it gives them, as detections against a file."""
    metric = LongTailMetric(str(file), style=style, train_ann_file=str(file))
    metric.dataset_meta = dataset.metainfo
    for index in range(len(dataset)):
        item = dataset.get_data_info(index)
        objects = [instance for instance in item['instances'] if not instance['ignore_flag']]
        found = {'bboxes': torch.tensor([instance['bbox'] for instance in objects]).reshape(-1, 4),
                 'labels': torch.tensor([instance['bbox_label'] for instance in objects], dtype=torch.int64),
                 'scores': torch.ones(len(objects))}
        metric.process(None, [{'img_id': item['img_id'], 'pred_instances': found}])
    return metric.evaluate(len(dataset))[f'{style}/bbox_AP']


def check_metric(case: Case) -> str:
    """Evaluate the truth against the annotation file."""
    style = 'lvis' if 'LVIS' in case.kind.__name__ else 'coco'
    average_precision = ap_of_truth(case.dataset, case.written.file, style)
    if not math.isclose(average_precision, 1):
        return f'GAP: AP {average_precision:.4g} of the ground truth itself'
    return f"AP 1 (`style='{style}'`)"


def metric_instead(case: Case) -> str:
    """Evaluate what the metric cannot read itself: after ``imbdet fix`` where it can, else against a COCO file of its boxes."""
    folder = Path(case.written.config['data_root'])
    if 'sub_data_root' in case.written.config['data_prefix']:
        file, way = folder / 'fixed.json', 'with CocoDataset after `imbdet fix FOLDER --out val.json`'
        imbdet_command(['fix', str(folder), '--part', 'val', '--out', str(file)])
        names = [category.name for category in load_annotations(file).categories]
        config = {'type': 'CocoDataset', 'ann_file': str(file), 'data_prefix': {'img': ''}}
        dataset = build({**config, 'metainfo': {'classes': names}})
    else:
        file = write_json(folder / 'coco.json', _coco_with_ids_of(case.dataset, case.written))
        way = 'against a COCO file of its boxes'
        dataset = case.dataset
    assert math.isclose(ap_of_truth(dataset, file, 'coco'), 1)
    return f'AP 1 {way}'


def _coco_with_ids_of(dataset: Any, written: Written) -> dict:
    """Make a COCO file of what was written, with the ids that the data set gives its images."""
    content = coco_content(category_ids(written.names), written.images)
    items = [dataset.get_data_info(index) for index in range(len(dataset))]
    ids = {Path(item['img_path']).stem: item['img_id'] for item in items}
    numbers = {image['id']: ids[Path(image['file_name']).stem] for image in content['images']}
    for image in content['images']:
        image['id'] = numbers[image['id']]
    for box in content['annotations']:
        box['image_id'] = numbers[box['image_id']]
    return content
