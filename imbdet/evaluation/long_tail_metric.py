"""The metric that reports AP by class frequency."""

import csv
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.registry import METRICS
from mmdet.structures.mask import encode_mask_results
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from imbdet.annotations import AnnotationError, check_class_names, check_content, load_annotations
from imbdet.evaluation.average_precision import class_average_precisions, summarize
from imbdet.evaluation.coco_backend import coco_precision
from imbdet.evaluation.frequency_groups import GROUPS, frequency_groups
from imbdet.evaluation.lvis_backend import lvis_precision
from imbdet.files import whole_file

BACKENDS = {'lvis': lvis_precision, 'coco': coco_precision}


@METRICS.register_module()
class LongTailMetric(BaseMetric):
    """AP over all classes and over rare, common and frequent ones, boxes and masks.

    ``style='lvis'`` evaluates as lvis-api does: federated (a class is judged only in images that hold it or list it in
    ``neg_category_ids``; unmatched detections of ``not_exhaustive_category_ids`` are ignored), at most 300 detections an
    image. ``style='coco'`` evaluates as pycocotools does. Numbers equal theirs and are not rounded.

    The groups come from ``frequency`` if given, else from the image counts of ``train_ann_file``, else from the
    ``frequency`` of each category in ``ann_file``, as LVIS files have it.

    Logged are AP, AP50, AP75, APs, APm, APl, APr, APc and APf, as ``lvis/bbox_APr`` and so on: 0 where nothing was
    detected, -1 where there is no ground truth, such as for a group without classes. Results of each class go to
    ``class_ap_bbox.csv`` (``class_ap_segm.csv``) beside the log file, with a ``prefix`` to ``{prefix}_class_ap_bbox.csv``;
    each evaluation of a run writes it anew.

    Args:
        ann_file: Annotation file of the evaluated images, LVIS or COCO format.
        metric: ``'bbox'``, ``'segm'`` or a list of them.
        style: ``'lvis'`` or ``'coco'``.
        train_ann_file: Training annotations to count the images of each class in.
        frequency: ``'r'``, ``'c'`` or ``'f'`` for each class name.
        rare_max: Most training images of a rare class; goes with ``train_ann_file``.
        common_max: Most training images of a common class; goes with ``train_ann_file``.
        outfile_prefix: Write the detections as COCO results to ``{outfile_prefix}.bbox.json`` (``.segm.json``).
        collect_device: ``'cpu'`` or ``'gpu'``, where results of several ranks are collected.
        prefix: What stands before the names of the results; the style if None.

    Raises:
        ValueError: If an argument is unknown or the groups cannot be told.
        AnnotationError: If an annotation file lacks what the style needs.
        FileNotFoundError: If an annotation file does not exist.
    """

    def __init__(self,
                 ann_file: str,
                 metric: str | Sequence[str] = 'bbox',
                 style: str = 'lvis',
                 train_ann_file: str | None = None,
                 frequency: dict[str, str] | None = None,
                 rare_max: int = 10,
                 common_max: int = 100,
                 outfile_prefix: str | None = None,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix or style)
        self.metrics = [metric] if isinstance(metric, str) else list(metric)
        if style not in BACKENDS or not set(self.metrics) <= {'bbox', 'segm'}:
            raise ValueError(f"style is 'lvis' or 'coco' and metric 'bbox' or 'segm', got {style!r} and {metric!r}")
        self.ann_file = Path(ann_file)
        self.style = style
        self.class_table = f'{prefix.replace("/", "_")}_class_ap' if prefix else 'class_ap'
        self.outfile_prefix = outfile_prefix
        self.annotations = load_annotations(ann_file)
        check_content(self.ann_file, self.annotations)
        if style == 'lvis':
            self._check_federated()
        self.groups, self.image_counts = self._frequency_groups(train_ann_file, frequency, rare_max, common_max)
        self._ground_truth: dict | None = None

    def _check_federated(self) -> None:
        for key in ('neg_category_ids', 'not_exhaustive_category_ids'):
            lacking = [image.id for image in self.annotations.images if getattr(image, key) is None]
            if lacking:
                raise AnnotationError(f"{self.ann_file}: {len(lacking)} images have no {key!r}, which LVIS's evaluation "
                                      f"needs (first image id {lacking[0]}); for COCO-format files use style='coco'")

    def _frequency_groups(self, train_ann_file: str | None, frequency: dict[str, str] | None, rare_max: int,
                          common_max: int) -> tuple[dict[str, str], dict[str, int | None]]:
        """Return the frequency group and, where known, the training images of each class by name."""
        categories = self.annotations.categories
        counts: dict[str, int | None] = {category.name: category.image_count for category in categories}
        if train_ann_file is not None:
            training = load_annotations(train_ann_file)
            train_counts = training.image_counts()
            counts = dict(zip((category.name for category in training.categories), train_counts.tolist(), strict=True))
            groups = dict(zip(counts, frequency_groups(train_counts, rare_max, common_max).tolist(), strict=True))
            source = train_ann_file
        else:
            if (rare_max, common_max) != (10, 100):
                raise ValueError('rare_max and common_max need train_ann_file, whose images they are compared with')
            groups = {category.name: category.frequency for category in categories if category.frequency}
            source = str(self.ann_file)
        if frequency is not None:
            groups, source = dict(frequency), 'frequency'
        unknown = [category.name for category in categories if groups.get(category.name) not in GROUPS]
        if unknown:
            raise ValueError(f'{source} does not tell whether {len(unknown)} of the classes of {self.ann_file} are rare, '
                             f'common or frequent (first: {unknown[0]!r}); give train_ann_file=, the training '
                             "annotations to count images in, or frequency=, 'r', 'c' or 'f' by class name")
        return groups, counts

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the detections of a batch.

        Args:
            data_batch: Not used.
            data_samples: mmdet's data samples as dicts, with ``img_id`` and ``pred_instances`` (``bboxes`` as x1, y1,
                x2, y2 in pixels of the original image, ``scores``, ``labels``, and ``masks`` for ``'segm'``).
        """
        for sample in data_samples:
            found = sample['pred_instances']
            kept = {'image_id': sample['img_id'], **{key: found[key].detach().cpu().numpy()
                                                     for key in ('bboxes', 'scores', 'labels')}}
            if 'segm' in self.metrics:
                masks = found['masks']
                is_dense = isinstance(masks, torch.Tensor)
                kept['masks'] = encode_mask_results(masks.detach().cpu().numpy()) if is_dense else masks
                kept['mask_scores'] = found['mask_scores'].cpu().numpy() if 'mask_scores' in found else kept['scores']
            self.results.append(kept)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Evaluate all detections.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            ``bbox_AP``, ``bbox_APr`` and so on.
        """
        logger = MMLogger.get_current_instance()
        category_ids = self._category_ids()
        if self._ground_truth is None:
            self._ground_truth = json.loads(self.ann_file.read_bytes())
        # The precision array has the categories in ascending order of their ids.
        ascending = sorted(category_ids)
        names = {category.id: category.name for category in self.annotations.categories}
        groups = np.array([self.groups[names[category_id]] for category_id in ascending])
        metrics = {}
        for metric in self.metrics:
            detections = coco_results(results, metric, category_ids)
            if self.outfile_prefix is not None:
                with whole_file(f'{self.outfile_prefix}.{metric}.json') as file:
                    file.write_text(json.dumps(detections))
            if not detections:
                logger.warning(f'no {metric} detections in {len(results)} images: every AP is 0')
            precision = BACKENDS[self.style](self._ground_truth, detections, metric, ascending)
            summary = summarize(precision, groups)
            self._write_classes(logger, metric, ascending, precision)
            shares = ', '.join(f'AP{group} {summary["AP" + group]:.4f} ({np.count_nonzero(groups == group)} classes)'
                               for group in GROUPS)
            logger.info(f'{metric} AP {summary["AP"]:.4f} of {len(groups)} classes: {shares}')
            metrics.update({f'{metric}_{name}': value for name, value in summary.items()})
        return metrics

    def _category_ids(self) -> list[int]:
        """Return the category id of each label: labels follow the file's order, as in mmdet's data sets."""
        categories = self.annotations.categories
        names = [category.name for category in categories]
        classes = list(self.dataset_meta['classes'])
        if len(classes) == len(names):
            # LVISV1Dataset takes all categories by position, and mmdet's list spells one of LVIS v1's otherwise.
            for position, (name, in_file) in enumerate(zip(classes, names, strict=True)):
                if name not in names:
                    MMLogger.get_current_instance().warning(f'{name!r} is taken for {in_file!r} of {self.ann_file}, '
                                                            'which stands at its place')
                    classes[position] = in_file
        check_class_names(self.ann_file, classes, names)
        return [category.id for category in categories if category.name in set(classes)]

    def _write_classes(self, logger: MMLogger, metric: str, category_ids: list[int], precision: np.ndarray) -> None:
        """Write the results of each class beside the log file; without a log file, nowhere."""
        folder = next((Path(handler.baseFilename).parent for handler in logger.handlers
                       if isinstance(handler, logging.FileHandler)), None)
        if folder is None:
            return
        names = {category.id: category.name for category in self.annotations.categories}
        columns = class_average_precisions(precision)
        with whole_file(folder / f'{self.class_table}_{metric}.csv') as path, path.open('w', newline='') as file:
            writer = csv.writer(file)
            writer.writerow(['category_id', 'name', 'frequency', 'train_images', *columns])
            for index, category_id in enumerate(category_ids):
                name = names[category_id]
                counts = self.image_counts.get(name)
                values = [value if (value := float(column[index])) > -1 else '' for column in columns.values()]
                writer.writerow([category_id, name, self.groups[name], '' if counts is None else counts, *values])


def coco_results(results: list[dict], metric: str, category_ids: Sequence[int]) -> list[dict]:
    """Turn detections into COCO's result format.

    Args:
        results: For each image ``image_id``, ``bboxes`` (n, 4) as x1, y1, x2, y2, ``scores`` (n,), ``labels`` (n,), and
            for ``'segm'`` ``masks``, n run-length encodings, and ``mask_scores`` (n,).
        metric: ``'bbox'`` or ``'segm'``. Mask results carry no boxes: with them, both evaluation libraries would take
            the box's area for the mask's.
        category_ids: Category id of each label.

    Returns:
        A dict for each detection: image_id, category_id, score, and bbox [x, y, width, height] or segmentation.
    """
    detections = []
    for image in results:
        for index, label in enumerate(image['labels'].tolist()):
            detection = {'image_id': image['image_id'], 'category_id': category_ids[label]}
            if metric == 'bbox':
                x1, y1, x2, y2 = image['bboxes'][index].tolist()
                detection |= {'bbox': [x1, y1, x2 - x1, y2 - y1], 'score': float(image['scores'][index])}
            else:
                mask = dict(image['masks'][index])
                if isinstance(mask['counts'], bytes):
                    mask['counts'] = mask['counts'].decode()
                detection |= {'segmentation': mask, 'score': float(image['mask_scores'][index])}
            detections.append(detection)
    return detections
