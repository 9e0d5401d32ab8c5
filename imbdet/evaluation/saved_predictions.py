"""Saved predictions: written by a test, and evaluated later without the detector."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.registry import DATASETS
from mmdet.structures.mask import encode_mask_results
from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from pycocotools import mask as mask_utils

from imbdet.data.data_infos import data_infos
from imbdet.data.wrappers import inner_datasets
from imbdet.evaluation.results_file import Result, ResultsError, check_values, load_results, part_warning
from imbdet.files import atomic_write


def category_ids(dataset: Any) -> list[int]:
    """Return the category id of each label.

    Args:
        dataset: A CocoDataset, a subclass of it, or a wrapper around such data sets.

    Raises:
        TypeError: If it has no ``cat_ids``.
    """
    inner = next((part for part in inner_datasets(dataset) if hasattr(part, 'cat_ids')), None)
    if inner is None:
        raise TypeError(f'{type(dataset).__name__} has no category ids, which a JSON file of predictions needs; use a '
                        'CocoDataset, or write the predictions to a .pkl file')
    return list(inner.cat_ids)


class DumpPredictions(BaseMetric):
    """Write all predictions of a test to a COCO results file.

    Each detection has ``image_id``, ``category_id``, ``bbox`` [x, y, width, height] and ``score``; with masks
    also ``segmentation`` and, if masks are scored separately, ``mask_score``; with paired cameras ``modality``.

    Args:
        path: JSON file to write.
        category_ids: Category id of each label.
    """

    def __init__(self, path: str | Path, category_ids: Sequence[int]) -> None:
        super().__init__()
        self.path = Path(path)
        self.category_ids = category_ids

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the predictions of a batch.

        Args:
            data_batch: Not used.
            data_samples: mmdet's data samples as dicts.
        """
        for sample in data_samples:
            found = {key: value.detach().cpu() if isinstance(value, torch.Tensor) else value
                     for key, value in sample['pred_instances'].items()}
            corners = found['bboxes'].double()
            columns = {'category_id': [self.category_ids[label] for label in found['labels'].tolist()],
                       'bbox': torch.cat([corners[:, :2], corners[:, 2:] - corners[:, :2]], dim=1).tolist(),
                       'score': found['scores'].tolist()}
            if 'masks' in found:
                masks = found['masks']
                encoded = encode_mask_results(masks.numpy()) if isinstance(masks, torch.Tensor) else masks
                columns['segmentation'] = [{**mask, 'counts': mask['counts'].decode()} for mask in encoded]
            if 'mask_scores' in found:
                columns['mask_score'] = found['mask_scores'].tolist()
            image = {'image_id': sample['img_id'], **({'modality': sample['modality']} if 'modality' in sample else {})}
            if isinstance(sample['img_id'], float):  # as in some annotation files; results files have integers or text
                image['image_id'] = int(sample['img_id'])
            self.results.append([{**image, **dict(zip(columns, values, strict=True))}
                                 for values in zip(*columns.values(), strict=True)])

    def compute_metrics(self, results: list[list[dict]]) -> dict[str, float]:
        """Write the file.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            An empty dict.
        """
        with atomic_write(self.path) as file:
            file.write_text(json.dumps([detection for image in results for detection in image]))
        MMLogger.get_current_instance().info(f'Predictions of {len(results)} images were written to {self.path}')
        return {}


def evaluate_predictions(cfg: Config, path: str | Path) -> dict[str, float]:
    """Evaluate a results file with a config's test data set and test evaluator, without building the detector.

    Log and results are written as in a test: to ``work_dir``, in a folder named after the time.

    Args:
        cfg: An mmdet config with ``work_dir``.
        path: A COCO results file from :class:`DumpPredictions`, a metric's ``outfile_prefix``, or another framework.

    Returns:
        The results.

    Raises:
        FileNotFoundError: If there is no such file.
        ResultsError: If it does not match the data set.
        RuntimeError: If there are several processes.
    """
    if get_world_size() > 1:
        raise RuntimeError(f'{path}: saved predictions must be evaluated by a single process; omit --launcher')
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    now = time.strftime('%Y%m%d_%H%M%S')
    folder = Path(cfg.work_dir) / now
    folder.mkdir(parents=True, exist_ok=True)
    logger = MMLogger.get_instance(f'predictions_{now}', logger_name='mmengine', log_file=str(folder / f'{now}.log'))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    evaluator = Evaluator(cfg.test_evaluator.get('metrics', cfg.test_evaluator) if isinstance(cfg.test_evaluator, dict)
                          else cfg.test_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    evaluator.process(saved_samples(path, dataset))
    results = evaluator.evaluate(len(dataset))
    with atomic_write(folder / f'{now}.json') as file:
        file.write_text(json.dumps(results))
    logger.info(f'Predictions({path})  ' + '  '.join(f'{name}: {value:.4f}' for name, value in results.items()))
    return results


def saved_samples(path: str | Path, dataset: Any) -> list[dict]:
    """Assign saved predictions to the images of a data set.

    Args:
        path: A COCO results file.
        dataset: The data set that was tested.

    Returns:
        The input of an evaluator for each image, in the data set's order: mmdet's dict of the image with ``ori_shape`` and
        ``pred_instances``.

    Raises:
        ResultsError: If the file contains an image or category that is not in the data set, or an image that is in it more
            than once without specifying which.
    """
    results = load_results(path)
    check_values(path, results)
    infos = list(data_infos(dataset))
    with_modality = any(result.modality is not None for result in results)
    places: dict[tuple, int] = {}
    for index, info in enumerate(infos):
        key = (info['img_id'], info.get('modality') if with_modality else None)
        if key in places:
            raise ResultsError(f'{path}: the data set contains image {info["img_id"]!r} more than once, and the file does not '
                               'specify which of them a detection belongs to; write it with tools/test.py --out FILE.json')
        places[key] = index
    labels = {category: label for label, category in enumerate(category_ids(dataset))}
    image_results: list[list[Result]] = [[] for _ in infos]
    for number, result in enumerate(results, start=1):
        place = places.get((result.image_id, result.modality if with_modality else None))
        if place is None or result.category_id not in labels:
            raise ResultsError(f'{path}: detection {number} has image_id {result.image_id!r} and category_id '
                               f'{result.category_id}, but the data set does not contain both; these are predictions on '
                               'other images or of other classes')
        image_results[place].append(result)
    warning = part_warning(path, sum(map(bool, image_results)), len(infos), 'the data set')
    if warning:
        MMLogger.get_current_instance().warning(warning)
    return [{**info, 'ori_shape': (info['height'], info['width']), 'pred_instances': _instances(path, found, labels)}
            for info, found in zip(infos, image_results, strict=True)]


def _instances(path: str | Path, found: Sequence[Result], labels: dict[int, int]) -> dict[str, Any]:
    """Return the detections of an image in the format of a detector's output."""
    masks = [result.segmentation for result in found]
    if any(result.bbox is None and mask is None for result, mask in zip(found, masks, strict=True)):
        raise ResultsError(f'{path}: image {found[0].image_id!r} has a detection with neither bbox nor segmentation; add one')
    # Without a box, use the bounding box of the mask, as pycocotools does.
    boxes = [mask_utils.toBbox(mask) if result.bbox is None else result.bbox for result, mask in zip(found, masks, strict=True)]
    corners = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    instances: dict[str, Any] = {
        'scores': torch.tensor([result.score for result in found], dtype=torch.float64),
        'labels': torch.tensor([labels[result.category_id] for result in found], dtype=torch.int64)}
    instances['bboxes'] = torch.from_numpy(corners)
    if None not in masks:
        instances['masks'] = masks
    if found and all(result.mask_score is not None for result in found):
        instances['mask_scores'] = torch.tensor([result.mask_score for result in found], dtype=torch.float64)
    return instances
