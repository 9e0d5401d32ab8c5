"""RoIPool (Girshick, arXiv:1504.08083) with mmcv's rounding, which is not torchvision's."""

import torch
from torch import Tensor


def _bin_edges(start: Tensor, end: Tensor, bins: int, length: int) -> tuple[list[list[int]], list[list[int]]]:
    """First pixel of each bin and the one after its last, in one direction, for each region."""
    step = ((end - start) / bins)[:, None]
    first = torch.arange(bins, device=start.device) * step + start[:, None]
    last = torch.arange(1, bins + 1, device=start.device) * step + start[:, None]
    return (torch.floor(first).clamp(0, length).long().tolist(), torch.ceil(last).clamp(0, length).long().tolist())


def roi_pool_forward(input: Tensor, rois: Tensor, output: Tensor, argmax: Tensor, pooled_height: int, pooled_width: int,
                     spatial_scale: float) -> None:
    """Take the maximum of each bin of each region.

    A region ends at its last pixel, inclusive; a bin starts at the pixel in which its edge lies, and ends likewise.

    Args:
        input: Feature map, shape (n, C, H, W).
        rois: Number of the image and corners, shape (k, 5).
        output: Is filled, shape (k, C, pooled height, pooled width); 0 where a bin has no pixel.
        argmax: Is filled: position H-wise of the maximum, y W + x, int32, shape of ``output``; -1 where there is none.
        pooled_height: Rows of bins.
        pooled_width: Columns of bins.
        spatial_scale: Size of the feature map over that of the image.
    """
    height, width = input.shape[2:]
    corners = rois[:, 1:].to(torch.promote_types(rois.dtype, torch.float32))
    starts, ends = corners[:, :2] * spatial_scale, (corners[:, 2:] + 1) * spatial_scale
    lefts, rights = _bin_edges(starts[:, 0], ends[:, 0], pooled_width, width)
    tops, bottoms = _bin_edges(starts[:, 1], ends[:, 1], pooled_height, height)
    output.zero_()
    argmax.fill_(-1)
    malformed = (ends <= starts).any(1).tolist()
    for region, image in enumerate(rois[:, 0].long().tolist()):
        if malformed[region]:
            continue
        for row, (top, bottom) in enumerate(zip(tops[region], bottoms[region], strict=True)):
            for column, (left, right) in enumerate(zip(lefts[region], rights[region], strict=True)):
                if bottom > top and right > left:
                    value, index = input[image, :, top:bottom, left:right].flatten(1).max(1)
                    output[region, :, row, column] = value
                    argmax[region, :, row, column] = ((index // (right - left) + top) * width + index % (right - left)
                                                      + left).int()


def roi_pool_backward(grad_output: Tensor, rois: Tensor, argmax: Tensor, grad_input: Tensor, pooled_height: int,
                      pooled_width: int, spatial_scale: float) -> None:
    """Compute the gradient of :func:`roi_pool_forward` by its feature map, added to ``grad_input``."""
    found = argmax >= 0
    region, channel = torch.nonzero(found, as_tuple=True)[:2]
    pixels = grad_input.size(2) * grad_input.size(3)
    position = (rois[region, 0].long() * grad_input.size(1) + channel) * pixels + argmax[found].long()
    grad_input.view(-1).index_add_(0, position, grad_output[found].to(grad_input.dtype))
