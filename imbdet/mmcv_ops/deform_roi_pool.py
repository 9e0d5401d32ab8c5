"""Deformable RoI pooling (Dai et al., arXiv:1703.06211): RoIAlign whose bins are displaced."""

import torch
from torch import Tensor

from imbdet.mmcv_ops.roi_align import kernel_dtype
from imbdet.mmcv_ops.sampling import bilinear, bin_points, region_sizes


def _pooled(features: Tensor, rois: Tensor, offset: Tensor, pooled: tuple[int, int], spatial_scale: float,
            sampling_ratio: int, gamma: float) -> Tensor:
    """Average of the samples of each bin, shape (k, C, pooled height, pooled width)."""
    start, size = region_sizes(rois, spatial_scale, aligned=True)
    shift = gamma * size[:, :, None, None] * offset.view(len(rois), 2, *pooled) if offset.numel() else None
    result = features.new_zeros(len(rois), features.size(1), *pooled)
    for rows, y, x in bin_points(start, size, pooled, sampling_ratio, features.size(1), shift):
        images = rois[rows, 0].long()[:, None, None, None].expand_as(y)
        values = bilinear(features, images.flatten(), y.flatten(), x.flatten()).view(*y.shape, -1)
        result = result.index_copy(0, rows, values.mean(3).permute(0, 3, 1, 2))
    return result


def deform_roi_pool_forward(input: Tensor, rois: Tensor, offset: Tensor, output: Tensor, pooled_height: int,
                            pooled_width: int, spatial_scale: float, sampling_ratio: int, gamma: float) -> None:
    """Pool each region into bins that are displaced by a part of the region's size.

    Args:
        input: Feature map, shape (n, C, H, W).
        rois: Number of the image and corners, shape (k, 5).
        offset: Displacement (x, y) of each bin, shape (k, 2, pooled height, pooled width), or empty for none.
        output: Is filled, shape (k, C, pooled height, pooled width).
        pooled_height: Rows of bins.
        pooled_width: Columns of bins.
        spatial_scale: Size of the feature map over that of the image.
        sampling_ratio: Samples of a bin in each direction; 0: one for each pixel.
        gamma: Displacement over offset and size of the region.
    """
    dtype = kernel_dtype(input)
    output.copy_(_pooled(input.to(dtype), rois.to(dtype), offset.to(dtype), (pooled_height, pooled_width), spatial_scale,
                         sampling_ratio, gamma))


def deform_roi_pool_backward(grad_output: Tensor, input: Tensor, rois: Tensor, offset: Tensor, grad_input: Tensor,
                             grad_offset: Tensor, pooled_height: int, pooled_width: int, spatial_scale: float,
                             sampling_ratio: int, gamma: float) -> None:
    """Compute the gradients of :func:`deform_roi_pool_forward`, into ``grad_input`` and ``grad_offset``."""
    dtype = kernel_dtype(input)
    features, displacement = input.detach().to(dtype).requires_grad_(), offset.detach().to(dtype).requires_grad_()
    with torch.enable_grad():
        output = _pooled(features, rois.to(dtype), displacement, (pooled_height, pooled_width), spatial_scale, sampling_ratio,
                         gamma)
    gradients = torch.autograd.grad(output, [features, displacement], grad_output.to(dtype), allow_unused=True,
                                    materialize_grads=True)
    grad_input.copy_(gradients[0])
    grad_offset.copy_(gradients[1])
