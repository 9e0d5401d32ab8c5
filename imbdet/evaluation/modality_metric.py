"""ModalityMetric: results of a metric for visible images, infrared images, and their mean."""

import copy
import math
from collections.abc import Sequence
from typing import Any

from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

MODALITIES = ('rgb', 'ir')


@METRICS.register_module()
class ModalityMetric(BaseMetric):
    """Evaluate a metric on visible and on infrared images in one run, and average the two.

    The data set has to concatenate the two: ``dict(type='ConcatDataset', datasets=[...])`` of PairedCocoDataset with
    ``modality='rgb'`` and ``'ir'``; each sample's ``modality`` decides where it counts. Results are named
    ``rgb/bbox_mAP``, ``ir/bbox_mAP`` and ``mean/bbox_mAP``, and so on for everything that the metric returns, so that
    ``save_best='mean/bbox_mAP'`` works. If nothing is detected in one modality, mmdet's CocoMetric returns no results; they
    count as 0, with a warning.

    Args:
        metric: Config of the metric, such as CocoMetric or LongTailMetric. An ``outfile_prefix`` gets ``.rgb`` and ``.ir``.
        collect_device: ``'cpu'`` or ``'gpu'``, where results of several ranks are collected.

    Raises:
        KeyError: When run, if a sample has no modality.

    Examples:
        >>> val_evaluator = dict(type='ModalityMetric', metric=dict(type='CocoMetric', ann_file='val.json', metric='bbox'))
    """

    def __init__(self, metric: dict, collect_device: str = 'cpu') -> None:
        super().__init__(collect_device=collect_device)
        self.metrics: dict[str, BaseMetric] = {}
        for modality in MODALITIES:
            cfg = {**copy.deepcopy(metric), 'prefix': modality}  # LongTailMetric names its files after it
            if cfg.get('outfile_prefix'):
                cfg['outfile_prefix'] += f'.{modality}'
            self.metrics[modality] = METRICS.build(cfg)

    @property
    def dataset_meta(self) -> dict | None:
        """Meta information of the data set, as set by the runner."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        self._dataset_meta = dataset_meta
        for metric in self.metrics.values():
            metric.dataset_meta = dataset_meta

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the detections of a batch.

        Args:
            data_batch: Passed on to the metric.
            data_samples: mmdet's data samples as dicts, with ``modality`` ``'rgb'`` or ``'ir'``.

        Raises:
            KeyError: If a sample has no modality.
        """
        for sample in data_samples:
            modality = sample.get('modality')
            if modality not in self.metrics:
                raise KeyError(f"{sample.get('img_path', 'a sample')} has modality {modality!r}, but ModalityMetric needs "
                               "'rgb' or 'ir'; add 'modality' to the meta_keys of PackDetInputs, and let the data set load "
                               "one modality, not pairs")
            metric = self.metrics[modality]
            metric.process(data_batch, [sample])
            self.results += [(modality, result) for result in metric.results]
            metric.results.clear()

    def compute_metrics(self, results: list[tuple[str, Any]]) -> dict[str, float]:
        """Evaluate all detections.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            The metric's results under ``rgb/``, ``ir/`` and ``mean/``.
        """
        logger = MMLogger.get_current_instance()
        found: dict[str, dict] = {}
        for modality, metric in self.metrics.items():
            modality_results = [result for name, result in results if name == modality]
            if not modality_results:
                raise ValueError(f'ModalityMetric: no image of modality {modality!r} was evaluated; the data set must '
                                 "concatenate a PairedCocoDataset with modality='rgb' and one with 'ir'")
            logger.info(f'Evaluating {modality}: {len(modality_results)} images')
            found[modality] = dict(metric.compute_metrics(modality_results))
        for modality, other in zip(MODALITIES, reversed(MODALITIES), strict=True):
            missing = {name: value for name, value in found[other].items() if name not in found[modality]}
            if missing:
                logger.warning(f'ModalityMetric: no results for {modality} because nothing was detected; they count as 0')
                # -1 and NaN mean no ground truth, which both modalities share.
                found[modality].update({name: value if value == -1 or math.isnan(value) else 0.0
                                        for name, value in missing.items()})
        found['mean'] = {name: _mean(value, found['ir'][name]) for name, value in found['rgb'].items()}
        return {f'{modality}/{name}': value for modality, values in found.items() for name, value in values.items()}


def _mean(one: float, other: float) -> float:
    """Return the mean of two results; -1, no ground truth, if one of them has none."""
    return -1.0 if -1 in (one, other) else (one + other) / 2
