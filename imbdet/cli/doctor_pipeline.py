"""Checks of a config's pipelines: what a training or an evaluation needs has to come out of them.

Each check yields levels and texts, and raises what ends a training.
"""

from collections.abc import Iterator
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from imbdet.cli.doctor_metrics import metric_configs

if TYPE_CHECKING:
    from mmengine.config import Config

Found = Iterator[tuple[str, str]]
TRIES = 20
"""How often an image is loaded to find one that keeps an object: random crops may drop all objects of an image."""
ADVICE = 'look for a transform that filters or crops too much, such as FilterAnnotations with a large min_gt_bbox_wh'


def load_images(cfg: 'Config', run: str, dataset: Any) -> Found:
    """Load the first image through the pipeline, and more until one keeps an object to learn from."""
    try:
        item = dataset[0]
    except Exception as error:
        if 'Cannot find valid image' in str(error):  # mmengine's, after a thousand images in a row that came out as None
            raise ValueError(f'it returns no image, however many are tried; {ADVICE}') from error
        raise
    sample = _sample(item)
    if sample is not None:
        if run == 'train':
            _check_targets(sample)
            _check_kept(dataset)
        else:
            _check_meta_keys(sample, cfg, run)
    yield 'ok', 'the first image passes through it'


def _sample(item: Any) -> Any:
    """Return the data sample of a loaded image; None if it has others than mmdet's, such as those of videos or branches."""
    from mmdet.structures import DetDataSample

    missing = [key for key in ('inputs', 'data_samples') if not isinstance(item, dict) or key not in item]
    if missing:
        raise ValueError(f'the first image leaves it without {" and ".join(missing)}, which detectors take; end the pipeline '
                         "with dict(type='PackDetInputs')")
    return item['data_samples'] if isinstance(item['data_samples'], DetDataSample) else None


def _check_targets(sample: Any) -> None:
    targets = sample.gt_instances if 'gt_instances' in sample else {}
    if not {'bboxes', 'masks'} & set(targets.keys()) and 'gt_sem_seg' not in sample:
        raise ValueError('the first image leaves it without boxes and masks to learn from; insert '
                         "dict(type='LoadAnnotations', with_bbox=True) after the transform that loads the image")


def _check_kept(dataset: Any) -> None:
    """Raise if the pipeline drops all objects of all images that are tried."""
    tried = list(islice(_images_with_objects(dataset), TRIES))
    for index in islice(cycle(tried), TRIES):
        sample = _sample(dataset[index])
        if sample is None or len(sample.gt_instances):
            return
    if tried:
        raise ValueError(f'it drops all objects of the {len(tried)} images that were tried ({TRIES} times in all); '
                         + ADVICE)


def _images_with_objects(dataset: Any) -> Iterator[int]:
    """Yield the positions of images with objects that are not ignored; none for a data set that cannot list them."""
    if not hasattr(dataset, 'get_data_info'):
        return
    for index in range(len(dataset)):
        instances = dataset.get_data_info(index).get('instances', ())
        if any(not instance.get('ignore_flag', 0) for instance in instances):
            yield index


def _check_meta_keys(sample: Any, cfg: 'Config', run: str) -> None:
    """Raise if a metric needs what the pipeline does not pack: CocoMetric looks at ori_shape as well."""
    from mmdet.evaluation import CocoMetric
    from mmdet.registry import METRICS

    for metric in metric_configs(cfg, run):
        if not metric.get('ann_file'):
            continue
        kind = metric['type'] if isinstance(metric['type'], type) else METRICS.get(metric['type'])
        needed = ('img_id', 'ori_shape') if isinstance(kind, type) and issubclass(kind, CocoMetric) else ('img_id', )
        missing = [key for key in needed if key not in sample.metainfo]
        if missing:
            name = getattr(kind, '__name__', metric['type'])
            raise ValueError(f'the first image leaves it without {" and ".join(missing)}, which {name} needs; add '
                             f'{", ".join(map(repr, missing))} to meta_keys of PackDetInputs')
