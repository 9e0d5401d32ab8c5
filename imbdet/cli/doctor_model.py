"""Checks of a config's detector, weights, metrics and hooks.

Each check yields levels and texts, and raises what ends a training.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmengine.config import Config

Found = Iterator[tuple[str, str]]


def build_detector(cfg: 'Config', models: list[Any]) -> Found:
    """Build the detector, look for its pretrained weights, and put it into ``models``."""
    from mmdet.registry import MODELS

    for path in _pretrained(cfg.get('model')):
        if '://' in path:
            yield 'not checked', f'the weights {path}, which are downloaded'
        elif not os.path.isfile(path):
            raise FileNotFoundError(f'pretrained weights not found: {path}; correct checkpoint in init_cfg')
    model: Any = MODELS.build(cfg.model)
    models.append(model)
    number = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    yield 'ok', f'{type(model).__name__} of {number:.1f} million parameters'


def _pretrained(model: Any) -> Iterator[str]:
    """Yield the checkpoints that parts of a model start from."""
    if isinstance(model, dict):
        init_cfg = model.get('init_cfg')
        if isinstance(init_cfg, dict) and init_cfg.get('type') == 'Pretrained':
            yield str(init_cfg['checkpoint'])
        model = list(model.values())
    if isinstance(model, (list, tuple)):
        for part in model:
            yield from _pretrained(part)


def check_heads(model: Any, datasets: list[Any]) -> Found:
    """Compare the heads with the classes of the data sets."""
    from imbdet.training_checks.learnable import check_head_classes

    metainfos = [getattr(dataset, 'metainfo', None) for dataset in datasets]
    found = [metainfo for metainfo in metainfos if isinstance(metainfo, dict) and metainfo.get('classes')]
    for metainfo in found:
        check_head_classes(model, metainfo['classes'], metainfo.get('thing_classes') or ())
    if found:
        yield 'ok', 'its heads have the classes of the data'


def check_weights(model: Any, path: str) -> Found:
    """Compare a checkpoint with the detector."""
    from mmengine.runner.checkpoint import CheckpointLoader

    from imbdet.training_checks.loaded_weights import loaded_weights

    if '://' in path:
        yield 'not checked', f'load_from={path}, which is downloaded'
        return
    if not os.path.isfile(path):
        raise FileNotFoundError(f'checkpoint not found: {path}; correct load_from')
    checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    shapes = {name: value.shape for name, value in checkpoint.get('state_dict', checkpoint).items() if hasattr(value, 'shape')}
    own = model.state_dict().keys()
    found = loaded_weights(model, shapes, own - shapes.keys(), shapes.keys() - own)
    if not found.kept:
        raise ValueError(f'load_from={path} fits no layer of the {type(model).__name__}: {found.summary()}')
    yield 'warning' if found.new or found.unused else 'ok', f'load_from={path}: {found.summary()}'


def check_metrics(cfg: 'Config', run: str, dataset: Any) -> Found:
    """Build the metrics and compare their annotation files with the data set, if it could be built."""
    from mmdet.registry import METRICS

    from imbdet.evaluation import LongTailMetric
    from imbdet.evaluation.evaluated_classes import label_categories

    evaluators = cfg[f'{run}_evaluator']
    for metric_cfg in evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]:
        metric: Any = METRICS.build(metric_cfg)
        name, path = type(metric).__name__, metric_cfg.get('ann_file')
        if dataset is None or not path or not os.path.isfile(path):
            yield 'ok', f'{name} can be built'
            continue
        if isinstance(metric, LongTailMetric):
            label_categories(path, metric.categories, dataset.metainfo['classes'])
        yield from _compare_images(name, path, dataset)


def _compare_images(name: str, path: str, dataset: Any) -> Found:
    from imbdet.annotations import load_annotations
    from imbdet.data import data_infos

    known = {image.id for image in load_annotations(path).images}
    tested = {info['img_id'] for info in data_infos(dataset)}
    unknown = tested - known
    if unknown:
        raise ValueError(f'{len(unknown)} of the {len(tested)} images of the data set are not in {path} of the {name} (first: '
                         f'image {min(map(str, unknown))}); set its ann_file to that of the data set')
    yield ('warning' if len(tested) < len(known) else 'ok',
           f'{name} evaluates {len(tested)} of the {len(known)} images of {path}')


def build_hooks(cfg: 'Config') -> Found:
    """Build the custom hooks."""
    from mmdet.registry import HOOKS

    names = [type(HOOKS.build(dict(hook))).__name__ for hook in cfg.get('custom_hooks') or ()]
    yield 'ok', f'{", ".join(names)} can be built' if names else 'there are no custom ones'
