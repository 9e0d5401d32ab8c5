"""Matching detections with objects as evaluation does at one IoU, and what else each detection overlaps."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask as mask_utils
from tqdm import tqdm

from imbdet.evaluation.detections import Detections, pair_keys
from imbdet.evaluation.ground_truth import GroundTruth

FOREGROUND_IOU = 0.5
"""IoU from which on a detection has found an object."""
NONE = -1
"""The object of a detection that has none."""


class Matches(NamedTuple):
    """What became of D detections and G objects; those that evaluation ignores are not among them.

    Attributes:
        scores: In [0, 1], shape (D,), float64; image by image, in each the highest first.
        classes: Class of each detection, a position among the C evaluated classes, shape (D,), int64.
        objects: The object that each detection has found, shape (D,), int64, or -1: a false positive.
        own_iou: Highest IoU with an object of the detection's own class, found or not, shape (D,), 0 without any.
        own_object: That object, shape (D,), -1 without any.
        other_iou: Highest IoU with an object of another class, shape (D,).
        other_object: That object, shape (D,), -1 without any.
        object_classes: Class of each object, shape (G,), int64.
    """

    scores: np.ndarray
    classes: np.ndarray
    objects: np.ndarray
    own_iou: np.ndarray
    own_object: np.ndarray
    other_iou: np.ndarray
    other_object: np.ndarray
    object_classes: np.ndarray


class _Objects(NamedTuple):
    """All annotated objects, ignored ones too."""

    shapes: list[Any]
    classes: np.ndarray
    ignored: np.ndarray
    crowds: np.ndarray
    of_image: dict[int, list[int]]


def match_detections(ground_truth: GroundTruth, detections: Detections, category_ids: Sequence[int], kind: str) -> Matches:
    """Match the detections of all images at IoU 0.5, by the rules of lvis-api and pycocotools.

    In each image and class the detections take objects in descending order of their scores, each the free one with the
    highest IoU. With ``style='lvis'`` detections of classes that are not judged in their image (neither in it nor among its
    negatives) are left out, and unmatched ones of its ``not_exhaustive_category_ids``. With ``style='coco'`` detections are
    left out that lie on a crowd of their class and find no single object; a crowd is no object. With ``style='lvis'`` the
    same goes for objects with ``ignore``.

    Args:
        ground_truth: The ground truth.
        detections: Detections with image numbers, no more than :func:`~imbdet.evaluation.detections.counted_detections`
            leaves.
        category_ids: The C categories to evaluate, ascending.
        kind: ``'bbox'`` or ``'segm'``, what IoU is taken of.

    Returns:
        The matches.
    """
    positions = {category_id: position for position, category_id in enumerate(category_ids)}
    judged = detections.take(np.flatnonzero(ground_truth.judged(detections, category_ids)))
    judged = judged.take(np.lexsort((-judged.scores, judged.image_ids)))
    classes = np.array([positions[category_id] for category_id in judged.category_ids.tolist()], dtype=np.int64)
    objects = _objects(ground_truth, positions, kind)
    found, own_object, other_object = (np.full(len(classes), NONE) for _ in range(3))
    own_iou, other_iou = np.zeros(len(classes)), np.zeros(len(classes))
    images, starts, counts = np.unique(judged.image_ids, return_index=True, return_counts=True)
    progress = tqdm(list(zip(images.tolist(), starts.tolist(), counts.tolist(), strict=True)), disable=None, unit='image',
                    desc='matching detections')
    for image, start, count in progress:
        here = np.array(objects.of_image.get(image, []), dtype=np.int64)
        if not len(here):
            continue
        rows = slice(start, start + count)
        shapes = judged.masks[rows] if judged.masks is not None else judged.boxes[rows].tolist()  # type: ignore[index]
        ious = mask_utils.iou(shapes, [objects.shapes[index] for index in here], objects.crowds[here].tolist())
        same = classes[rows, None] == objects.classes[here]
        matched = _match_image(np.where(same, ious, NONE), objects.ignored[here], objects.crowds[here])
        found[rows] = np.where(matched == NONE, NONE, here[matched])
        regular = ~objects.ignored[here]
        own_iou[rows], own_object[rows] = _best(ious, same & regular, here)
        other_iou[rows], other_object[rows] = _best(ious, ~same & regular, here)
    counted = np.where(found == NONE, ~_open_ended(ground_truth, judged), ~np.append(objects.ignored, False)[found])
    # Objects that are ignored fall out of the numbering; NONE stays NONE.
    renumbered = np.append(np.cumsum(~objects.ignored) - 1, NONE)
    return Matches(judged.scores[counted], classes[counted], renumbered[found[counted]], own_iou[counted],
                   renumbered[own_object[counted]], other_iou[counted], renumbered[other_object[counted]],
                   objects.classes[~objects.ignored])


def _objects(ground_truth: GroundTruth, positions: dict[int, int], kind: str) -> _Objects:
    boxes = [box for box in ground_truth.content['annotations'] if box['category_id'] in positions]
    of_image = defaultdict(list)
    for index, box in enumerate(boxes):
        of_image[box['image_id']].append(index)
    if kind == 'bbox':
        shapes = [box['bbox'] for box in boxes]
    else:
        images = {image['id']: image for image in ground_truth.content['images']}
        shapes = [_run_lengths(box['segmentation'], images[box['image_id']]) for box in boxes]
    crowds = np.array([bool(box.get('iscrowd')) for box in boxes], dtype=bool)
    ignored = crowds if ground_truth.style == 'coco' else np.array([bool(box.get('ignore')) for box in boxes], dtype=bool)
    return _Objects(shapes, np.array([positions[box['category_id']] for box in boxes], dtype=np.int64), ignored, crowds,
                    of_image)


def _run_lengths(segmentation: Any, image: dict) -> dict:
    """Encode polygons or plain run lengths; compressed ones stay as they are."""
    size = int(image['height']), int(image['width'])
    if isinstance(segmentation, list):
        return mask_utils.merge(mask_utils.frPyObjects(segmentation, *size))
    if isinstance(segmentation['counts'], list):
        return mask_utils.frPyObjects(segmentation, *size)
    return segmentation


def _match_image(ious: np.ndarray, ignored: np.ndarray, crowds: np.ndarray) -> np.ndarray:
    """Return the object of each detection, -1 if none; IoUs with objects of other classes are negative.

    Ignored objects are taken only where no other is free, and a crowd by any number of detections.
    """
    matched = np.full(len(ious), NONE)
    free = np.ones(ious.shape[1], dtype=bool)
    for row in np.flatnonzero(ious.max(1) >= FOREGROUND_IOU):
        candidates = free & (ious[row] >= FOREGROUND_IOU)
        if (candidates & ~ignored).any():
            candidates &= ~ignored
        if candidates.any():
            # Of equal IoUs evaluation takes the last.
            best = len(free) - 1 - np.where(candidates, ious[row], NONE)[::-1].argmax()
            matched[row] = best
            free[best] = crowds[best]
    return matched


def _best(ious: np.ndarray, allowed: np.ndarray, here: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest allowed IoU of each detection and its object."""
    masked = np.where(allowed, ious, NONE)
    best = masked.argmax(1)
    highest = masked[np.arange(len(best)), best]
    return np.maximum(highest, 0), np.where(highest < 0, NONE, here[best])


def _open_ended(ground_truth: GroundTruth, detections: Detections) -> np.ndarray:
    """Tell which detections are of a class that is not exhaustively annotated in their image."""
    if ground_truth.style == 'coco':
        return np.zeros(len(detections.scores), dtype=bool)
    pairs = np.array([(image['id'], category) for image in ground_truth.content['images']
                      for category in image['not_exhaustive_category_ids']], dtype=np.int64).reshape(-1, 2)
    return np.isin(pair_keys(detections.image_ids, detections.category_ids), pair_keys(*pairs.T))
