"""Non-maximum suppression of lanes, which the onedl fork's CLRNet calls."""

import torch
from torch import Tensor

OFFSETS = 72
"""Rows of the image in which a lane has its horizontal position."""


def _distances(lane: Tensor, lanes: Tensor) -> Tensor:
    """Mean horizontal distance of a lane to others in the rows that both have; infinite where they share none."""
    def rows(lane: Tensor) -> tuple[Tensor, Tensor]:
        start = (lane[..., 2] * (OFFSETS - 1) + 0.5).long()
        return start, start + lane[..., 4].long() - 1

    (start, end), (starts, ends) = rows(lane), rows(lanes)
    start, end = torch.maximum(start, starts)[:, None], torch.minimum(end, ends).clamp(max=OFFSETS - 1)[:, None]
    row = torch.arange(OFFSETS, device=lanes.device)
    shared = (row >= start) & (row <= end) & (start >= 0)
    number = shared.sum(1)
    total = torch.where(shared, (lane[5:] - lanes[:, 5:]).abs(), torch.zeros_like(lanes[:, 5:])).sum(1)
    return torch.where(number > 0, total / number, torch.full_like(total, torch.inf))


def line_nms_forward(boxes: Tensor, scores: Tensor, overlap: float, top_k: int) -> list[Tensor]:
    """Keep the lanes whose distance to every lane with a higher score is at least a threshold.

    The distance of two lanes is their mean horizontal distance over the rows they share (Zheng et al., CLRNet,
    arXiv:2203.10350). onedl-mmcv's CUDA kernel compares the rows of ``boxes`` as given with those in order of score, which
    is right only where ``boxes`` are sorted already; here the order is that of the scores.

    Args:
        boxes: Lanes, shape (n, 77): two unused values, the first row over the number of rows, one unused, the number of rows,
            and the horizontal position in each of 72 rows.
        scores: Their scores, shape (n,).
        overlap: Smallest distance at which both of two lanes stay.
        top_k: Most lanes to keep.

    Returns:
        Indices of the kept lanes by falling score, then zeros, shape (n,); their number, shape (); and for each lane the number
        of the kept lane that it belongs to, counted from 1, or 0, shape (n,). All int64.
    """
    left = torch.sort(scores, descending=True, stable=True).indices
    keep, parents = torch.zeros_like(left), torch.zeros_like(left)
    number = 0
    while len(left) and number < top_k:
        first, others = left[0], left[1:]
        near = _distances(boxes[first], boxes[others]) < overlap
        keep[number] = first
        number += 1
        parents[first] = number
        parents[others[near]] = number
        left = others[~near]
    return [keep, torch.tensor(number, device=boxes.device), parents]
