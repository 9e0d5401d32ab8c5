"""Non-maximum suppression of boxes: hard, soft, and grouped by the suppressing box."""

import numpy as np
import torch
from torch import Tensor


def nms(bboxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Keep the boxes that do not overlap any box with a higher score by more than the threshold.

    Args:
        bboxes: Corners x1, y1, x2, y2, shape (n, 4), any floating type.
        scores: Their scores, shape (n,).
        iou_threshold: Largest IoU at which both of two boxes stay, in [0, 1].
        offset: Added to widths and heights: 0, or 1 for boxes whose corners are pixels.

    Returns:
        Indices of the kept boxes, by falling score, int64, shape (k,).
    """
    threshold = float(np.float32(iou_threshold))  # mmcv compares single precision: 0.1 must not be less than float32's 0.1
    dtype = torch.promote_types(torch.promote_types(bboxes.dtype, scores.dtype), torch.float32)
    boxes = bboxes.to(dtype)
    if offset:
        boxes = torch.cat([boxes[:, :2], boxes[:, 2:] + offset], dim=1)
    order = _order(scores)
    return order[torch.ops.torchvision.nms(boxes[order], scores[order].to(dtype), threshold)]


def _order(scores: Tensor) -> Tensor:
    """Sort scores as mmcv does: not stably, so that equal scores come in the same order as in mmcv."""
    return torch.sort(scores.detach(), descending=True).indices


def _ious(boxes: np.ndarray, areas: np.ndarray, first: int, others: np.ndarray | slice, offset: int) -> np.ndarray:
    """IoU of one box with others; NaN for two boxes of no area, as in mmcv."""
    low = np.maximum(boxes[first, :2], boxes[others, :2])
    high = np.minimum(boxes[first, 2:], boxes[others, 2:])
    sides = np.maximum(high - low + np.float32(offset), np.float32(0))
    intersections = sides[:, 0] * sides[:, 1]
    with np.errstate(divide='ignore', invalid='ignore'):
        return intersections / (areas[first] + areas[others] - intersections)


def _areas(boxes: np.ndarray, offset: int) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0] + np.float32(offset)) * (boxes[:, 3] - boxes[:, 1] + np.float32(offset))


def _decay(ious: np.ndarray, method: int, iou_threshold: float, sigma: float) -> np.ndarray:
    """Factors of soft NMS: 0 hard, 1 linear, 2 Gaussian (Bodla et al., arXiv:1704.04503, equations 1 to 3)."""
    if method == 2:
        return np.exp(-(ious * ious) / np.float32(sigma))
    overlaps = ious >= np.float32(iou_threshold)
    return np.where(overlaps, 1 - ious if method == 1 else np.float32(0), np.float32(1))


def softnms(boxes: Tensor, scores: Tensor, dets: Tensor, iou_threshold: float, sigma: float, min_score: float, method: int,
            offset: int) -> Tensor:
    """Lower the scores of boxes by their overlap with boxes of higher scores, and drop those that fall below ``min_score``.

    Args:
        boxes: Corners, shape (n, 4), on the CPU.
        scores: Their scores, shape (n,).
        dets: Is filled: corners and new score of each kept box, shape (n, 5), the first k rows.
        iou_threshold: IoU from which on hard and linear decay act.
        sigma: Width of the Gaussian decay.
        min_score: Scores below it are dropped.
        method: 0 hard, 1 linear, 2 Gaussian.
        offset: As in :func:`nms`.

    Returns:
        Indices of the kept boxes, by falling new score, int64, shape (k,).
    """
    corners = boxes.detach().numpy().astype(np.float32)  # a copy: rows are moved below
    values = scores.detach().numpy().astype(np.float32)
    areas, indices, number = _areas(corners, offset), np.arange(len(values)), len(values)
    first = 0
    while first < number:
        candidates = values[first:number]
        if not np.isnan(candidates[0]):  # two boxes of no area make NaN, which is never chosen over a number
            best = first + int(np.argmax(np.where(np.isnan(candidates), -np.inf, candidates)))
            for array in (corners, values, areas, indices):
                array[[first, best]] = array[[best, first]]
        rest = slice(first + 1, number)
        values[rest] *= _decay(_ious(corners, areas, first, rest, offset), method, iou_threshold, sigma)
        order = _order_after_removal(values[rest] < np.float32(min_score)) + first + 1
        for array in (corners, values, areas, indices):
            array[first + 1:first + 1 + len(order)] = array[order]
        first, number = first + 1, first + 1 + len(order)
    dets[:number, :4] = torch.from_numpy(corners[:number]).to(dets.dtype)
    dets[:number, 4] = torch.from_numpy(values[:number]).to(dets.dtype)
    return torch.from_numpy(indices[:number])


def _order_after_removal(removed: np.ndarray) -> np.ndarray:
    """Return positions after each removed entry has been replaced by the last one that stays.

    mmcv removes in this way, and of equal scores the first position wins, so that the order matters.
    """
    stays = np.flatnonzero(~removed)
    order = np.arange(len(stays))
    holes = order[removed[:len(stays)]]
    order[holes] = stays[::-1][:len(holes)]
    return order


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Group boxes: each kept one with those that it suppresses.

    Args:
        dets: Corners and score, shape (n, 5), on the CPU.
        iou_threshold: IoU from which on a box is suppressed.

    Returns:
        Indices of each group, the kept box first, the others by falling score; groups by falling score of the kept box.
    """
    boxes = dets[:, :4].detach().numpy().astype(np.float32)
    areas = _areas(boxes, 0)
    left = _order(dets[:, 4].contiguous()).numpy()
    groups = []
    while len(left):
        first, others = left[0], left[1:]
        suppressed = _ious(boxes, areas, first, others, 0) >= np.float32(iou_threshold)
        groups.append([int(first), *others[suppressed].tolist()])
        left = others[~suppressed]
    return groups
