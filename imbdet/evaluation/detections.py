"""Detections as arrays, for vectorized evaluation of hundreds of thousands of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask as mask_utils

MAX_PER_IMAGE = 300
"""Detections per image that LVIS counts."""
MAX_PER_IMAGE_AND_CLASS = 100
"""Detections per image and class that COCO counts."""
MAX_PER_CLASS = 10000
"""Detections per class, over the whole data set, that AP^fixed counts."""


class Detections(NamedTuple):
    """n detections, in the order in which they were made.

    Attributes:
        image_ids: Image of each, shape (n,), integers or text, as the annotation file has them.
        category_ids: Category of each, shape (n,), int64.
        scores: Scores in [0, 1], shape (n,), float64.
        boxes: x, y, width and height in pixels of the original image, shape (n, 4), float64; None if masks are evaluated.
        masks: n run-length encodings, dicts of ``size`` and ``counts``; None if boxes are evaluated. Masks come
            without boxes: with both, evaluation libraries would use the box's area for the mask.
    """

    image_ids: np.ndarray
    category_ids: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray | None = None
    masks: Sequence[dict] | None = None

    def take(self, chosen: np.ndarray) -> 'Detections':
        """Select detections.

        Args:
            chosen: Their positions, shape (m,), integers.
        """
        return Detections(self.image_ids[chosen], self.category_ids[chosen], self.scores[chosen],
                          None if self.boxes is None else self.boxes[chosen],
                          None if self.masks is None else [self.masks[position] for position in chosen])

    def coco_results(self) -> list[dict[str, Any]]:
        """Return COCO's result format: dicts of image_id, category_id, score, and bbox or segmentation."""
        columns: dict[str, Sequence] = {'image_id': self.image_ids.tolist(), 'category_id': self.category_ids.tolist()}
        if self.boxes is not None:
            columns['bbox'] = self.boxes.tolist()
        if self.masks is not None:
            columns['segmentation'] = self.masks
        columns['score'] = self.scores.tolist()
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def concatenate(images: Sequence[dict], kind: str, category_ids: Sequence[int]) -> Detections:
    """Concatenate the detections of several images.

    Args:
        images: For each image ``image_id``, ``bboxes`` (n, 4) as x1, y1, x2, y2, ``scores`` (n,), ``labels`` (n,), and for
            masks ``masks``, n run-length encodings, and ``mask_scores`` (n,).
        kind: ``'bbox'`` for boxes; any other value for masks.
        category_ids: Category id of each label, C of them.

    Returns:
        All detections, images in the order given.

    Raises:
        ValueError: If a score is NaN, since detections are sorted by score.
    """
    counts = [len(image['labels']) for image in images]
    labels = _concatenate([image['labels'] for image in images], np.int64)
    scores = _concatenate([image['scores' if kind == 'bbox' else 'mask_scores'] for image in images], np.float64)
    if np.isnan(scores).any():
        image_id = images[int(np.repeat(np.arange(len(images)), counts)[np.isnan(scores).argmax()])]['image_id']
        raise ValueError(f'image {image_id!r} has detections whose score is NaN; scores must be in [0, 1]')
    image_ids = np.repeat(np.array([image['image_id'] for image in images], dtype=None if images else np.int64), counts)
    found = Detections(image_ids, np.asarray(category_ids, dtype=np.int64)[labels], scores)
    if kind != 'bbox':
        return found._replace(masks=[_text(mask) for image in images for mask in image['masks']])
    boxes = _concatenate([image['bboxes'] for image in images], np.float64, (0, 4))
    boxes[:, 2:] -= boxes[:, :2]
    return found._replace(boxes=boxes)


def _concatenate(parts: Sequence[np.ndarray], dtype: type, empty: tuple[int, ...] = (0, )) -> np.ndarray:
    return np.concatenate([np.empty(empty, dtype), *(np.asarray(part, dtype) for part in parts)])


def _text(mask: dict) -> dict:
    """Return a mask with its counts as text, as in JSON, instead of bytes."""
    return {**mask, 'counts': mask['counts'].decode()} if isinstance(mask['counts'], bytes) else mask


def cap_detections(detections: Detections, style: str, fixed_ap: bool = False) -> Detections:
    """Keep only the detections that an evaluation counts.

    Args:
        detections: Detections with image numbers, which are integers.
        style: ``'lvis'``: per image the 300 with the highest scores, minus those without area, as in lvis-api; or
            ``'coco'``: the 100 per image and class.
        fixed_ap: Instead, the 10,000 per class in the whole data set (arXiv 2102.01066).

    Returns:
        Those kept, in their order.
    """
    if fixed_ap:
        counted = highest_of_each(detections, detections.category_ids, MAX_PER_CLASS)
    elif style == 'lvis':
        counted = highest_of_each(detections, detections.image_ids, MAX_PER_IMAGE)
    else:
        pairs = pair_keys(detections.image_ids, detections.category_ids)
        counted = highest_of_each(detections, pairs, MAX_PER_IMAGE_AND_CLASS)
    if style == 'coco':
        return counted
    if counted.boxes is not None:
        areas = counted.boxes[:, 2:].prod(axis=1)
    else:  # one by one: in a list, pycocotools counts masks in eight bits
        areas = np.array([mask_utils.area(mask) for mask in counted.masks or ()])
    return counted.take(np.flatnonzero(areas > 0))


def pair_keys(images: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """Combine image number and category id, both int64 and below 2^31, into one integer."""
    return (images << 32) + categories


def highest_of_each(detections: Detections, groups: np.ndarray, number: int) -> Detections:
    """Keep the detections with the highest scores in each group; among equal scores the first.

    Args:
        detections: n detections.
        groups: Group of each detection, such as its image or its category, shape (n,).
        number: How many to keep per group, at least 0.

    Returns:
        Those kept, in their order.
    """
    order = np.lexsort((-detections.scores, groups))  # stable
    sorted_groups = groups[order]
    starts = np.flatnonzero(np.concatenate([[True], sorted_groups[1:] != sorted_groups[:-1]])[:len(order)])
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return detections.take(np.sort(order[rank < number]))
