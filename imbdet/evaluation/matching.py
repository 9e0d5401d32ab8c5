"""Matching of detections with objects at an IoU, and the other objects that each detection overlaps."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask as mask_utils
from tqdm import tqdm

from imbdet.evaluation.detections import Detections, pair_keys
from imbdet.evaluation.ground_truth import GroundTruth

FOREGROUND_IOU = 0.5
"""Lowest IoU at which a detection matches an object, if none is given."""
NONE = -1
"""Object index of a detection without an object."""


class Matches(NamedTuple):
    """Matches of D detections and G objects, without those that the evaluation ignores.

    Attributes:
        scores: Scores in [0, 1], shape (D,), float64; sorted by image, then in descending order.
        classes: Class of each detection, as a position in the C evaluated classes, shape (D,), int64.
        objects: The object that each detection matches, shape (D,), int64; -1 for a false positive.
        own_iou: Highest IoU with an object of the detection's own class, matched or not, shape (D,); 0 without any.
        own_object: That object, shape (D,); -1 without any.
        other_iou: Highest IoU with an object of another class, shape (D,).
        other_object: That object, shape (D,); -1 without any.
        object_classes: Class of each object, shape (G,), int64.
        images: Image number of each detection, shape (D,), int64.
        object_images: Image number of each object, shape (G,), int64.
    """

    scores: np.ndarray
    classes: np.ndarray
    objects: np.ndarray
    own_iou: np.ndarray
    own_object: np.ndarray
    other_iou: np.ndarray
    other_object: np.ndarray
    object_classes: np.ndarray
    images: np.ndarray
    object_images: np.ndarray


class _Objects(NamedTuple):
    """All annotated objects, including ignored ones."""

    shapes: list[Any]
    classes: np.ndarray
    images: np.ndarray
    ignored: np.ndarray
    crowds: np.ndarray
    by_image: dict[int, list[int]]


def match_detections(ground_truth: GroundTruth, detections: Detections, category_ids: Sequence[int], kind: str,
                     iou: float = FOREGROUND_IOU) -> Matches:
    """Match the detections of all images, by the rules of lvis-api and pycocotools.

    In each image and class, detections are matched in descending order of their scores, each with the free object of the
    highest IoU. With ``style='lvis'``, detections of classes that are not evaluated in their image (neither in it nor in its
    ``neg_category_ids``) are left out, and so are unmatched ones of its ``not_exhaustive_category_ids``. With
    ``style='coco'``, a crowd is not an object, and detections that match only a crowd of their class are left out. With
    ``style='lvis'`` the same applies to objects with ``ignore``.

    Args:
        ground_truth: The ground truth.
        detections: Detections with image numbers, as :func:`~imbdet.evaluation.detections.cap_detections` returns them.
        category_ids: The C categories to evaluate, ascending.
        kind: ``'bbox'`` or ``'segm'``: whether IoU is computed from boxes or masks.
        iou: Lowest IoU at which a detection matches an object, in (0, 1].

    Returns:
        The matches.
    """
    positions = {category_id: position for position, category_id in enumerate(category_ids)}
    judged = detections.take(np.flatnonzero(ground_truth.is_evaluated(detections, category_ids)))
    judged = judged.take(np.lexsort((-judged.scores, judged.image_ids)))
    classes = np.array([positions[category_id] for category_id in judged.category_ids.tolist()], dtype=np.int64)
    objects = _objects(ground_truth, positions, kind)
    found, own_object, other_object = (np.full(len(classes), NONE) for _ in range(3))
    own_iou, other_iou = np.zeros(len(classes)), np.zeros(len(classes))
    images, starts, counts = np.unique(judged.image_ids, return_index=True, return_counts=True)
    progress = tqdm(list(zip(images.tolist(), starts.tolist(), counts.tolist(), strict=True)), disable=None, unit='image',
                    desc='matching detections')
    for image, start, count in progress:
        here = np.array(objects.by_image.get(image, []), dtype=np.int64)
        if not len(here):
            continue
        rows = slice(start, start + count)
        shapes = judged.masks[rows] if judged.masks is not None else judged.boxes[rows].tolist()  # type: ignore[index]
        ious = mask_utils.iou(shapes, [objects.shapes[index] for index in here], objects.crowds[here].tolist())
        same = classes[rows, None] == objects.classes[here]
        matched = _match_image(np.where(same, ious, NONE), objects.ignored[here], objects.crowds[here], iou)
        found[rows] = np.where(matched == NONE, NONE, here[matched])
        regular = ~objects.ignored[here]
        own_iou[rows], own_object[rows] = _best(ious, same & regular, here)
        other_iou[rows], other_object[rows] = _best(ious, ~same & regular, here)
    counted = np.where(found == NONE, ~_open_ended(ground_truth, judged), ~np.append(objects.ignored, False)[found])
    # Ignored objects get no number; NONE stays NONE.
    renumbered = np.append(np.cumsum(~objects.ignored) - 1, NONE)
    return Matches(judged.scores[counted], classes[counted], renumbered[found[counted]], own_iou[counted],
                   renumbered[own_object[counted]], other_iou[counted], renumbered[other_object[counted]],
                   objects.classes[~objects.ignored], judged.image_ids[counted], objects.images[~objects.ignored])


def _objects(ground_truth: GroundTruth, positions: dict[int, int], kind: str) -> _Objects:
    boxes = [box for box in ground_truth.content['annotations'] if box['category_id'] in positions]
    by_image = defaultdict(list)
    for index, box in enumerate(boxes):
        by_image[box['image_id']].append(index)
    if kind == 'bbox':
        shapes = [box['bbox'] for box in boxes]
    else:
        images = {image['id']: image for image in ground_truth.content['images']}
        shapes = [_run_lengths(box['segmentation'], images[box['image_id']]) for box in boxes]
    crowds = np.array([bool(box.get('iscrowd')) for box in boxes], dtype=bool)
    ignored = crowds if ground_truth.style == 'coco' else np.array([bool(box.get('ignore')) for box in boxes], dtype=bool)
    return _Objects(shapes, np.array([positions[box['category_id']] for box in boxes], dtype=np.int64),
                    np.array([box['image_id'] for box in boxes], dtype=np.int64), ignored, crowds, by_image)


def _run_lengths(segmentation: Any, image: dict) -> dict:
    """Encode polygons or plain run lengths; compressed ones stay as they are."""
    size = int(image['height']), int(image['width'])
    if isinstance(segmentation, list):
        return mask_utils.merge(mask_utils.frPyObjects(segmentation, *size))
    if isinstance(segmentation['counts'], list):
        return mask_utils.frPyObjects(segmentation, *size)
    return segmentation


def _match_image(ious: np.ndarray, ignored: np.ndarray, crowds: np.ndarray, lowest: float) -> np.ndarray:
    """Return the object of each detection, -1 if none; IoUs with objects of other classes are negative.

    Ignored objects are matched only if no other object is free. A crowd matches any number of detections.
    """
    matched = np.full(len(ious), NONE)
    free = np.ones(ious.shape[1], dtype=bool)
    for row in np.flatnonzero(ious.max(1) >= lowest):
        candidates = free & (ious[row] >= lowest)
        if (candidates & ~ignored).any():
            candidates &= ~ignored
        if candidates.any():
            # Among equal IoUs, the evaluation libraries take the last.
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
    """Find the detections of a class that is not exhaustively annotated in their image."""
    if ground_truth.style == 'coco':
        return np.zeros(len(detections.scores), dtype=bool)
    pairs = np.array([(image['id'], category) for image in ground_truth.content['images']
                      for category in image['not_exhaustive_category_ids']], dtype=np.int64).reshape(-1, 2)
    return np.isin(pair_keys(detections.image_ids, detections.category_ids), pair_keys(*pairs.T))
