"""Checks of a config's metrics.

Each check yields levels and texts, and raises what ends an evaluation.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmengine.config import Config

Found = Iterator[tuple[str, str]]
MASK_METRICS = {'segm', 'boundary'}
"""What metrics compute from masks."""


def metric_configs(cfg: 'Config', run: str) -> list[dict]:
    """List the configs of the metrics of a run.

    Args:
        cfg: An mmdet config.
        run: ``'val'`` or ``'test'``.

    Returns:
        The configs, from a single metric, a list of them, or an evaluator with ``metrics``.
    """
    evaluator = cfg.get(f'{run}_evaluator') or []
    if isinstance(evaluator, dict):
        evaluator = evaluator.get('metrics', evaluator)
    return [evaluator] if isinstance(evaluator, dict) else list(evaluator)


def check_metrics(cfg: 'Config', run: str, dataset: Any, model: Any) -> Found:
    """Build the metrics and compare them with the detector and the data set.

    Args:
        cfg: An mmdet config.
        run: ``'val'`` or ``'test'``.
        dataset: Its data set; None if it could not be built.
        model: The detector; None if it could not be built.
    """
    from mmdet.registry import METRICS

    from imbdet.evaluation import LongTailMetric
    from imbdet.evaluation.evaluated_classes import label_categories

    for metric_cfg in metric_configs(cfg, run):
        metric: Any = METRICS.build(metric_cfg)
        name, path = type(metric).__name__, metric_cfg.get('ann_file')
        _check_masks(name, metric_cfg.get('metric'), model)
        if dataset is None or not path or not os.path.isfile(path):
            yield 'ok', f'{name} can be built'
            continue
        if isinstance(metric, LongTailMetric):
            label_categories(path, metric.categories, dataset.metainfo['classes'])
        yield from _compare_images(name, path, dataset)


def _check_masks(name: str, kinds: Any, model: Any) -> None:
    """Raise if a metric evaluates masks that the detector does not predict."""
    kinds = [kinds] if isinstance(kinds, str) else kinds
    wanted = sorted(MASK_METRICS & set(kinds)) if isinstance(kinds, (list, tuple)) else []
    if wanted and predicts_only_boxes(model):
        raise ValueError(f"metric={wanted[0]!r} of {name} evaluates masks, but the {type(model).__name__} predicts none; set "
                         "metric='bbox', or choose a detector with a mask head")


def predicts_only_boxes(model: Any) -> bool:
    """Return whether a detector certainly predicts boxes without masks.

    Args:
        model: A detector, or None.

    Returns:
        True for mmdet's two-stage detectors without a mask head and for its single-stage detectors and DETRs with a head for
        boxes. False for those with masks and all others, whose predictions are not known.
    """
    from mmdet.models import DetectionTransformer, SingleStageDetector, TwoStageDetector
    from mmdet.models.dense_heads import RTMDetInsHead

    if not isinstance(model, (DetectionTransformer, SingleStageDetector, TwoStageDetector)) or model.with_mask:
        return False
    head = getattr(model, 'roi_head' if isinstance(model, TwoStageDetector) else 'bbox_head', None)
    is_known = all(type(module).__module__.startswith(('mmdet.', 'imbdet.')) for module in (model, head))
    return is_known and not isinstance(head, RTMDetInsHead)


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
