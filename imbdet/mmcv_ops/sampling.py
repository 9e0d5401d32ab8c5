"""Bilinear sampling at points inside regions of interest, differentiable by features and by points."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

CHUNK = 2**22
"""Maximum number of values that are sampled at a time, to limit memory."""


class BinPoints(NamedTuple):
    """Points in the bins of some regions that have the same number of points in each bin."""

    rows: Tensor
    """Numbers of the regions, int64, shape (k,)."""
    y: Tensor
    """Rows of the feature map, shape (k, pooled height, pooled width, points of a bin)."""
    x: Tensor
    """Columns, of the same shape."""


def region_sizes(rois: Tensor, spatial_scale: float, aligned: bool) -> tuple[Tensor, Tensor]:
    """Return corners (x, y) and sizes (width, height) of regions on the feature map, each of shape (n, 2).

    Args:
        rois: Number of the image and corners in the image, shape (n, 5).
        spatial_scale: Size of the feature map over that of the image.
        aligned: Whether pixel centers are at half coordinates. If not, a region has at least the size of one pixel.
    """
    shift = 0.5 if aligned else 0.0
    start = rois[:, 1:3] * spatial_scale - shift
    size = rois[:, 3:5] * spatial_scale - shift - start
    return start, size if aligned else size.clamp(min=1)


def bin_points(start: Tensor, size: Tensor, pooled: tuple[int, int], sampling_ratio: int, channels: int,
               shift: Tensor | None = None) -> Iterator[BinPoints]:
    """Yield the points that pooling looks at, in chunks of regions with the same number of points in a bin.

    Args:
        start: Upper left corners (x, y), shape (n, 2).
        size: Widths and heights, shape (n, 2).
        pooled: Height and width of the pooled map, in bins.
        sampling_ratio: Points of a bin in each direction; 0 or less: as many as it has pixels.
        channels: Channels of the feature map, by which the chunks are measured.
        shift: Displacement (x, y) of each bin, shape (n, 2, pooled height, pooled width), if there is any.

    Yields:
        The points, in rising order of row, then column, of each bin.
    """
    bins = torch.tensor([pooled[1], pooled[0]], device=start.device)
    numbers = torch.full_like(size, sampling_ratio) if sampling_ratio > 0 else torch.ceil(size / bins).clamp(min=0)
    numbers = numbers.long()
    for width, height in torch.unique(numbers, dim=0).tolist():
        if not width * height:
            continue
        alike = torch.nonzero((numbers[:, 0] == width) & (numbers[:, 1] == height))[:, 0]
        for rows in alike.split(max(1, CHUNK // (channels * pooled[0] * pooled[1] * width * height))):
            step = size[rows] / bins
            x = _along(start[rows, 0], step[:, 0], pooled[1], width)[:, None, :, None, :]
            y = _along(start[rows, 1], step[:, 1], pooled[0], height)[:, :, None, :, None]
            if shift is not None:
                x = x + shift[rows, 0][..., None, None]
                y = y + shift[rows, 1][..., None, None]
            shape = (len(rows), *pooled, height, width)
            yield BinPoints(rows, y.expand(shape).flatten(3), x.expand(shape).flatten(3))


def _along(start: Tensor, step: Tensor, bins: int, points: int) -> Tensor:
    """Coordinates of the points of all bins in one direction, shape (k, bins, points)."""
    first = torch.arange(bins, device=start.device)
    within = torch.arange(points, device=start.device) + 0.5
    return (start[:, None] + first * step[:, None])[..., None] + within * step[:, None, None] / points


def bilinear(features: Tensor, images: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Sample a feature map bilinearly.

    Up to one pixel outside the map the value of the border counts, farther outside 0, as in mmcv and torchvision.

    Args:
        features: Shape (n, C, H, W).
        images: Number of the image of each point, int64, shape (p,).
        y: Row of each point, shape (p,).
        x: Column, shape (p,).

    Returns:
        Shape (p, C).
    """
    height, width = features.shape[2:]
    inside = (y >= -1) & (y <= height) & (x >= -1) & (x <= width)
    y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    top, left = y.detach().long(), x.detach().long()
    bottom, right = (top + 1).clamp(max=height - 1), (left + 1).clamp(max=width - 1)
    down, across = (y - top)[:, None], (x - left)[:, None]
    pixels = features.permute(0, 2, 3, 1)
    upper = pixels[images, top, left] * (1 - across) + pixels[images, top, right] * across
    lower = pixels[images, bottom, left] * (1 - across) + pixels[images, bottom, right] * across
    return (upper * (1 - down) + lower * down) * inside[:, None]
