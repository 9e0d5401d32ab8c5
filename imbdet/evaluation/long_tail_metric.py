"""LongTailMetric: AP of rare, common and frequent classes."""

import functools
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.registry import METRICS
from mmdet.structures.mask import encode_mask_results
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from imbdet.annotations import AnnotationError, check_content, load_annotations
from imbdet.annotations.mask_checks import check_masks
from imbdet.classes import GROUPS, GroupLimits
from imbdet.evaluation.average_precision import class_average_precisions, mean_precision, summarize
from imbdet.evaluation.backends import choose_backend, make_evaluator
from imbdet.evaluation.class_table import ClassTable
from imbdet.evaluation.detections import Detections, cap_detections, concatenate
from imbdet.evaluation.evaluated_classes import label_categories, named_groups
from imbdet.evaluation.ground_truth import GroundTruth, check_federated
from imbdet.evaluation.judged_images import check_predicted, id_array
from imbdet.evaluation.pooled_ap import POOLED_CATEGORY, pool_classes
from imbdet.files import atomic_write


@METRICS.register_module()
class LongTailMetric(BaseMetric):
    r"""AP over all classes and over rare, common and frequent ones, for boxes and masks.

    ``style='lvis'`` evaluates as lvis-api does: federated (a class is evaluated only in images that contain it or list it in
    ``neg_category_ids``; unmatched detections of ``not_exhaustive_category_ids`` are ignored), with at most 300 detections
    per image. ``style='coco'`` evaluates as pycocotools does: every class in every image, with at most 100 detections per
    image and class. Results equal theirs and are not rounded. The only exception are annotations with the id 0, which both
    libraries treat as unmatched; they are ordinary annotations here.

    ``fixed_ap`` gives :math:`\mathrm{AP}^\mathrm{fixed}` (arXiv 2102.01066), where classes do not compete for places in an
    image: for each class, the 10,000 detections with the highest scores in the whole data set count, without a limit per
    image. The detector has to return them: set a high ``max_per_img`` and a score threshold of 0 in its ``test_cfg``.

    The groups come from ``frequency`` if given, else from the image counts of ``train_ann_file``, else from the
    ``frequency`` of each category in ``ann_file``, which LVIS files contain.

    The metric logs AP, AP50, AP75, APs, APm, APl, APr, APc and APf, as ``lvis/bbox_APr`` and so on: 0 if nothing was
    detected, -1 if there is no ground truth, such as for a group without classes. Per-class results are written to
    ``class_ap_bbox.csv`` (``class_ap_segm.csv``) next to the log file, with a ``prefix`` to ``{prefix}_class_ap_bbox.csv``;
    each evaluation of a run overwrites the file.

    Each image that was predicted is judged once. If these are not all images of the file, as with ``indices`` of the data set,
    the objects of the others do not count, and a warning says how many images were judged.

    Args:
        ann_file: Annotation file of the evaluated images, LVIS or COCO format.
        metric: ``'bbox'``, ``'segm'``, ``'boundary'`` (boundary AP of masks, arXiv 2103.16562), or a list of them.
        style: ``'lvis'`` or ``'coco'``.
        backend: The evaluation library: ``'hotcoco'`` (``pip install 'imbdet[fast]'``), ``'faster_coco_eval'`` (the only one
            with ``'boundary'``), ``'lvis'``, the reference for ``style='lvis'``, or ``'pycocotools'``, the reference for
            ``style='coco'``. None: the first of these that is installed. The log states which one was used.
        fixed_ap: Whether to compute AP^fixed; the results are then named ``lvis_fixed/...`` (``coco_fixed/...``).
        pooled_ap: Whether to compute ``bbox_AP_pool`` as well, :math:`\mathrm{AP}^\mathrm{pool}` (arXiv 2102.01066): one
            ranking of the detections of all classes, so that it falls when scores are not comparable across classes.
        train_ann_file: Training annotations from which the images of each class are counted.
        frequency: ``'r'``, ``'c'`` or ``'f'`` for each class name.
        rare_max: Maximum number of training images of a rare class; used with ``train_ann_file``.
        common_max: Maximum number of training images of a common class; used with ``train_ann_file``.
        outfile_prefix: Write the detections as COCO results to ``{outfile_prefix}.bbox.json`` (``.segm.json``).
        collect_device: ``'cpu'`` or ``'gpu'``, where results of several ranks are collected.
        prefix: Prefix of the names of the results. None: the style, followed by ``_fixed`` with ``fixed_ap``.
        format_only: Only write the detections, for images without annotations, such as those of test-dev. Needs
            ``outfile_prefix``, and no groups.

    Raises:
        ValueError: If an argument is unknown or the groups cannot be determined.
        AnnotationError: If an annotation file has a fatal fault, keys that the style needs are missing, or masks are evaluated
            and an annotation has none that all libraries can use; with the annotation ids.
        FileNotFoundError: If an annotation file does not exist.
        ImportError: If the backend is not installed.
    """

    def __init__(self,
                 ann_file: str,
                 metric: str | Sequence[str] = 'bbox',
                 style: str = 'lvis',
                 train_ann_file: str | None = None,
                 frequency: dict[str, str] | None = None,
                 rare_max: int = 10,
                 common_max: int = 100,
                 backend: str | None = None,
                 fixed_ap: bool = False,
                 pooled_ap: bool = False,
                 outfile_prefix: str | None = None,
                 collect_device: str = 'cpu',
                 prefix: str | None = None,
                 format_only: bool = False) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix or (f'{style}_fixed' if fixed_ap else style))
        self.metrics = [metric] if isinstance(metric, str) else list(metric)
        if style not in ('lvis', 'coco') or not set(self.metrics) <= {'bbox', 'segm', 'boundary'}:
            raise ValueError(f"style must be 'lvis' or 'coco' and metric 'bbox', 'segm' or 'boundary'; got {style!r} and "
                             f'{metric!r}')
        self.backend = choose_backend(style, tuple(self.metrics), backend)
        self.fixed_ap = fixed_ap
        self.pooled_ap = pooled_ap
        self.ann_file = Path(ann_file)
        self.style = style
        self.class_table = f'{prefix.replace("/", "_")}_class_ap' if prefix else 'class_ap'
        if format_only and outfile_prefix is None:
            raise ValueError('format_only writes the detections and evaluates nothing; set outfile_prefix, where to write them')
        self.outfile_prefix = outfile_prefix
        self.format_only = format_only
        annotations = load_annotations(ann_file)
        self.categories = annotations.categories  # not the rest: every rank would keep a copy
        self._image_ids = id_array([image.id for image in annotations.images])
        self._part: set[int | str] | None = None  # the images that are judged; None for all
        self.class_tables: dict[str, ClassTable] = {}
        if format_only:
            return
        check_content(self.ann_file, annotations)
        if self.metrics != ['bbox']:
            check_masks(self.ann_file)
        if not annotations.annotations:
            raise AnnotationError(f'{ann_file}: there are no annotations to evaluate against; to only write the detections, '
                                  'set format_only=True and outfile_prefix')
        if style == 'lvis':
            check_federated(self.ann_file, annotations)
        self.groups, self.image_counts = named_groups(self.ann_file, annotations, train_ann_file, frequency,
                                                      GroupLimits(rare_max, common_max))

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
            if self.metrics != ['bbox']:
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
            ``bbox_AP``, ``bbox_APr`` and so on; nothing with ``format_only``.

        Raises:
            ValueError: If the data set has no class names, no image was predicted, one was more than once, or one is not in
                the annotation file.
        """
        classes = (self.dataset_meta or {}).get('classes')
        if not classes:
            raise ValueError(f'the data set that was tested has no class names, so that its labels have no categories in '
                             f'{self.ann_file}; give it metainfo=dict(classes=...)')
        category_ids = label_categories(self.ann_file, self.categories, classes)
        self._judge([image['image_id'] for image in results])
        metrics = {}
        for kind in self.metrics:
            detections = concatenate(results, kind, category_ids)
            if self.outfile_prefix is not None:
                with atomic_write(f'{self.outfile_prefix}.{kind}.json') as file:
                    file.write_text(json.dumps(detections.coco_results()))
            if self.format_only:
                MMLogger.get_current_instance().info(f'wrote {len(detections.scores)} {kind} detections in {len(results)} '
                                                     f'images to {self.outfile_prefix}.{kind}.json')
                continue
            if not len(detections.scores):
                MMLogger.get_current_instance().warning(f'no {kind} detections in {len(results)} images: every AP is 0')
            # The precision array has the categories in ascending order of their ids.
            counted = cap_detections(self._ground_truth.with_image_numbers(detections), self.style, self.fixed_ap)
            summary = self._evaluate(counted, kind, sorted(category_ids))
            metrics.update({f'{kind}_{name}': value for name, value in summary.items()})
        return metrics

    def _judge(self, predicted: list[int | str]) -> None:
        """Judge these images."""
        warning = check_predicted(self.ann_file, predicted, self._image_ids)
        if warning and not self.format_only:
            MMLogger.get_current_instance().warning(warning)
        part = set(predicted) if warning else None
        if part != self._part:
            self._part = part
            for name in ('_ground_truth', '_evaluator'):
                self.__dict__.pop(name, None)

    @functools.cached_property
    def _ground_truth(self) -> GroundTruth:
        return GroundTruth(self.ann_file, self.style, self._part, masks=self.metrics != ['bbox'])

    @functools.cached_property
    def _evaluator(self) -> Any:
        """The backend with the ground truth, read when first needed: of several ranks only the first evaluates."""
        return make_evaluator(self.backend, self._ground_truth, tuple(self.metrics))

    def _evaluate(self, detections: Detections, kind: str, category_ids: Sequence[int]) -> dict[str, float]:
        """Evaluate one kind, log and keep the results of each class."""
        logger = MMLogger.get_current_instance()
        start = time.monotonic()
        precision = self._evaluator.precision(detections, kind, category_ids)
        names = {category.id: category.name for category in self.categories}
        names_in_order = [names[category_id] for category_id in category_ids]
        groups = np.array([self.groups[name] for name in names_in_order])
        summary = summarize(precision, groups)
        if self.pooled_ap:
            content, pooled = pool_classes(self._ground_truth, detections, category_ids)
            evaluator = type(self._evaluator)(content, self.style)
            summary['AP_pool'] = mean_precision(evaluator.precision(pooled, kind, [POOLED_CATEGORY])[..., 0])
        shares = ', '.join(f'AP{group} {summary["AP" + group]:.4f} ({np.count_nonzero(groups == group)} classes)'
                           for group in GROUPS)
        logger.info(f'{kind} AP {summary["AP"]:.4f} of {len(groups)} classes: {shares}; evaluated by {self._evaluator.name} in '
                    f'{time.monotonic() - start:.1f} s')
        self.class_tables[kind] = ClassTable(
            category_ids, names_in_order, groups.tolist(), [self.image_counts.get(name) for name in names_in_order],
            class_average_precisions(precision))
        folder = _log_folder(logger)
        if folder is not None:
            self.class_tables[kind].write(folder / f'{self.class_table}_{kind}.csv')
        return summary


def _log_folder(logger: MMLogger) -> Path | None:
    """Return the folder of the log file; None without one."""
    return next((Path(handler.baseFilename).parent for handler in logger.handlers
                 if isinstance(handler, logging.FileHandler)), None)
