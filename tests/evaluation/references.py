"""lvis-api and pycocotools, run on files by their own means."""

import contextlib
import io
import json

import cv2
import numpy as np
from lvis import LVIS, LVISEval, LVISResults
from pycocotools import mask as mask_utils
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from .random_case import rle


def results_file(case, kind, folder):
    detections = case.detections
    if kind == 'segm':
        detections = [{key: value for key, value in {**detection, 'segmentation': rle(detection['bbox'])}.items()
                       if key != 'bbox'} for detection in detections]
    path = folder / f'{kind}.json'
    path.write_text(json.dumps(detections))
    return str(path)


def lvis_evaluation(case, kind, folder, max_dets=300):
    truth = LVIS(str(case.path))
    found = LVISResults(truth, results_file(case, kind, folder), max_dets=max_dets)
    evaluation = LVISEval(truth, found, kind)
    evaluation.run()
    return evaluation


def lvis_reference(case, kind, folder, max_dets=300):
    results = lvis_evaluation(case, kind, folder, max_dets).results
    return {name: results[name] for name in ('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl', 'APr', 'APc', 'APf')}


def coco_evaluation(case, kind, folder, categories=None):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(case.path))
        evaluation = COCOeval(truth, truth.loadRes(results_file(case, kind, folder)), kind)
        if categories is not None:
            evaluation.params.catIds = categories
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def coco_reference(case, kind, folder, categories=None):
    stats = coco_evaluation(case, kind, folder, categories).stats
    return dict(zip(('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl'), stats[:6], strict=True))


def reference_precision(case, kind, style, folder):
    """The whole precision array, (10, 101, C, 4), categories ascending."""
    if style == 'lvis':
        return lvis_evaluation(case, kind, folder).eval['precision']
    return coco_evaluation(case, kind, folder).eval['precision'][..., -1]


def pooled_reference(case, style):
    """AP^pool by loops: matching in each image and class, one ranking of all detections."""
    truth, ranking, num_objects = case.truth, {iou: [] for iou in np.linspace(0.5, 0.95, 10)}, 0
    for image in truth['images']:
        for category_id in case.category_ids:
            objects = [box['bbox'] for box in truth['annotations']
                       if (box['image_id'], box['category_id']) == (image['id'], category_id)]
            num_objects += len(objects)
            if style == 'lvis' and not objects and category_id not in image['neg_category_ids']:
                continue
            found = [detection for detection in case.detections
                     if (detection['image_id'], detection['category_id']) == (image['id'], category_id)]
            found.sort(key=lambda detection: -detection['score'])
            open_ended = style == 'lvis' and category_id in image['not_exhaustive_category_ids']
            for iou, entries in ranking.items():
                free = list(range(len(objects)))
                for detection in found:
                    overlaps = {index: mask_utils.iou([detection['bbox']], [objects[index]], [0])[0, 0] for index in free}
                    best = max(overlaps, key=overlaps.get, default=None)
                    matched = best is not None and overlaps[best] >= iou
                    if matched:
                        free.remove(best)
                    if matched or not open_ended:
                        entries.append((detection['score'], matched))
    precisions = []
    for entries in ranking.values():
        hits = np.cumsum([matched for _, matched in sorted(entries, key=lambda entry: -entry[0])])
        precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
        places = np.searchsorted(hits / num_objects, np.linspace(0, 1, 101), side='left')
        precisions.append(np.mean([precision[place] if place < len(hits) else 0.0 for place in places]))
    return float(np.mean(precisions))


def boundary(mask):
    """The pixels of a mask that are at most 2 % of the image's diagonal from its outside (arXiv 2103.16562)."""
    width = max(1, round(0.02 * np.hypot(*mask.shape)))
    padded = np.pad(mask, 1)
    return padded - cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=width)


def iou_of_masks(one, other):
    union = np.logical_or(one, other).sum()
    return np.logical_and(one, other).sum() / union if union else 0.0


def boundary_reference(case, folder):
    """pycocotools with the smaller one of mask IoU and boundary IoU, from dense masks."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(case.path))
        found = truth.loadRes(results_file(case, 'segm', folder))
        evaluation = COCOeval(truth, found, 'segm')

        def overlaps(image_id, category_id):
            objects = [truth.annToMask(box) for box in evaluation._gts[image_id, category_id]]
            detections = sorted(evaluation._dts[image_id, category_id], key=lambda detection: -detection['score'])[:100]
            if not objects or not detections:
                return []
            masks = [found.annToMask(detection) for detection in detections]
            return np.array([[min(iou_of_masks(mask, other), iou_of_masks(boundary(mask), boundary(other)))
                              for other in objects] for mask in masks])

        evaluation.computeIoU = overlaps
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[0]
