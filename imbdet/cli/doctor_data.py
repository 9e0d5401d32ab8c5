"""Checks of a config's data: annotation files, data sets, image files, classes and batches.

Each check yields levels and texts, and raises what ends a training.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmengine.config import Config

Found = Iterator[tuple[str, str]]


def check_files(cfg: 'Config', run: str) -> Found:
    """Check the annotation files of a dataloader."""
    from imbdet.data import check_config, configured_datasets

    paths = list(dict.fromkeys(use.path for use in configured_datasets(cfg, f'{run}_dataloader')))
    if not paths:
        yield 'not checked', 'there is no COCO or LVIS file on this machine'
        return
    lines = [line for report in check_config(cfg, (f'{run}_dataloader', )) for line in report.warnings()]
    yield from (('warning', line) for line in lines)
    if not lines:
        yield 'ok', f'{", ".join(paths)}: mmdet takes all annotations'


def build_dataset(cfg: 'Config', run: str, datasets: dict[str, Any]) -> Found:
    """Build a data set, check that its labels are those of its classes, and put it into ``datasets``."""
    from mmdet.registry import DATASETS

    from imbdet.data import check_dataset_classes
    from imbdet.training_checks.learnable import check_objects

    dataset: Any = DATASETS.build(cfg[f'{run}_dataloader'].dataset)
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    if not len(dataset):
        raise ValueError('no image is left: filter_cfg, indices or the classes remove them all')
    check_dataset_classes(dataset)
    if run == 'train':
        check_objects(dataset)
    datasets[run] = dataset
    yield 'ok', f'{len(dataset)} images'


def check_images(dataset: Any) -> Found:
    """Look for the files of all images, and compare the sizes of a few with the annotations."""
    from imbdet.training_checks.image_faults import listed_images, size_warning

    images = listed_images(dataset)
    local = [image.path for image in images if '://' not in image.path and not image.reader.backend_args]
    missing = [path for path in local if not os.path.isfile(path)]
    if missing:
        raise FileNotFoundError(f'{len(missing)} of {len(local)} image files do not exist (first: {missing[0]}); correct '
                                'data_root, data_prefix or file_name')
    if len(local) < len(images):
        yield 'not checked', f'{len(images) - len(local)} images are not local files'
    warning = size_warning(dataset)
    if warning:
        yield 'warning', warning
    elif local:
        yield 'ok', f'all {len(local)} files exist; of a few, the size is that of the annotations (CheckImagesHook reads all)'


def check_classes(cfg: 'Config', run: str, dataset: Any) -> Found:
    """Look for classes without objects."""
    from imbdet.annotations.fault import first_few
    from imbdet.classes import class_names, dataset_counts
    from imbdet.cli.doctor_metrics import metric_configs

    metrics = [] if run == 'train' else metric_configs(cfg, run)
    if metrics and all(metric.get('format_only') for metric in metrics):
        yield 'not checked', 'the metric only writes the detections (format_only)'
        return
    try:
        counts, names = dataset_counts(dataset).images, class_names(dataset)
    except TypeError as error:  # a data set of other annotations
        yield 'not checked', str(error)
        return
    absent = [name for name, number in zip(names, counts, strict=True) if not number]
    if run != 'train' and len(absent) == len(names):
        yield 'warning', (f'none of the {len(names)} has an object, so that there is nothing to evaluate: correct ann_file, or '
                          "set the metric's format_only=True and outfile_prefix to only write the detections")
    elif absent:
        advice = 'they cannot be learned' if run == 'train' else \
            "'imbdet split' divides a file with each class that is in two images in both parts"
        yield 'warning', f'{len(absent)} of {len(names)} have no objects ({first_few(absent)}): {advice}'
    else:
        yield 'ok', f'each of the {len(names)} has objects in {counts.min()} to {counts.max()} images'


def check_shared(training: Any, evaluated: Any) -> Found:
    """Look for images that are trained on and evaluated."""
    from imbdet.training_checks.image_faults import listed_images

    trained, paths = ({os.path.realpath(image.path) for image in listed_images(dataset)} for dataset in (training, evaluated))
    shared = sorted(trained & paths)
    if shared:
        yield 'warning', (f'{len(shared)} of the {len(paths)} are also trained on (first: {shared[0]}): results on them '
                          'say nothing about new images')
    else:
        yield 'ok', 'none of them is trained on'


def check_epoch(cfg: 'Config', dataset: Any) -> Found:
    """Build the dataloader of the training with its sampler, and count the batches."""
    from mmengine.runner import Runner

    from imbdet.training_checks.learnable import check_batches

    loader = {**cfg.train_dataloader, 'dataset': dataset, 'num_workers': 0, 'persistent_workers': False}
    loader.pop('prefetch_factor', None)
    dataloader = Runner.build_dataloader(loader, seed=0)
    check_batches(dataloader)
    sampler = getattr(dataloader.batch_sampler, 'sampler', dataloader.sampler)
    yield 'ok', f'{type(sampler).__name__}: an epoch has {len(dataloader)} batches on one process'
