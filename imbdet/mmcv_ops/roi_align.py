"""RoIAlign (He et al., arXiv:1703.06870): torchvision's kernels for averages, torch for maxima."""

import torch
from torch import Tensor

from imbdet.mmcv_ops.sampling import bilinear, bin_points, region_sizes

MAX, AVERAGE = 0, 1


def kernel_dtype(tensor: Tensor) -> torch.dtype:
    """Return the type in which torchvision's kernels compute a tensor: half precision has kernels on GPUs only."""
    if tensor.dtype == torch.float64 or (tensor.dtype == torch.float16 and tensor.is_cuda):
        return tensor.dtype
    return torch.float32


def roi_align_forward(input: Tensor, rois: Tensor, output: Tensor, argmax_y: Tensor, argmax_x: Tensor, aligned_height: int,
                      aligned_width: int, spatial_scale: float, sampling_ratio: int, pool_mode: int, aligned: bool) -> None:
    """Pool each region of a feature map into bins by bilinear samples.

    Args:
        input: Feature map, shape (n, C, H, W).
        rois: Number of the image and corners, shape (k, 5).
        output: Is filled, shape (k, C, aligned height, aligned width).
        argmax_y: Is filled for maxima: row of the largest sample, shape of ``output``; -1 in a region of no area.
        argmax_x: Column of the maximum, in the same format.
        aligned_height: Rows of bins.
        aligned_width: Columns of bins.
        spatial_scale: Size of the feature map over that of the image.
        sampling_ratio: Samples of a bin in each direction; 0: one for each pixel.
        pool_mode: 0 maximum, 1 average.
        aligned: Whether pixel centers are at half coordinates.
    """
    if pool_mode == AVERAGE:
        dtype = kernel_dtype(input)
        output.copy_(torch.ops.torchvision.roi_align(input.to(dtype), rois.to(dtype), spatial_scale, aligned_height,
                                                     aligned_width, sampling_ratio, aligned))
        return
    features, regions = input.to(kernel_dtype(input)), rois.to(kernel_dtype(input))
    start, size = region_sizes(regions, spatial_scale, aligned)
    argmax_y.fill_(-1)
    argmax_x.fill_(-1)
    for rows, y, x in bin_points(start, size, (aligned_height, aligned_width), sampling_ratio, input.size(1)):
        images = regions[rows, 0].long()[:, None, None, None].expand_as(y)
        values = bilinear(features, images.flatten(), y.flatten(), x.flatten()).view(*y.shape, -1).permute(0, 4, 1, 2, 3)
        best = values.argmax(-1, keepdim=True)
        output[rows] = values.gather(-1, best)[..., 0].to(output.dtype)
        shape = values.shape
        argmax_y[rows] = y[:, None].expand(shape).gather(-1, best)[..., 0].to(output.dtype)
        argmax_x[rows] = x[:, None].expand(shape).gather(-1, best)[..., 0].to(output.dtype)


def roi_align_backward(grad_output: Tensor, rois: Tensor, argmax_y: Tensor, argmax_x: Tensor, grad_input: Tensor,
                       aligned_height: int, aligned_width: int, spatial_scale: float, sampling_ratio: int, pool_mode: int,
                       aligned: bool) -> None:
    """Compute the gradient of :func:`roi_align_forward` by its feature map, into ``grad_input``."""
    dtype = kernel_dtype(grad_output)
    if pool_mode == AVERAGE:
        grad_input.copy_(torch.ops.torchvision._roi_align_backward(
            grad_output.to(dtype), rois.to(dtype), spatial_scale, aligned_height, aligned_width, *grad_input.shape,
            sampling_ratio, aligned))
        return
    found = argmax_y != -1
    region, channel = torch.nonzero(found, as_tuple=True)[:2]
    # One map of one channel for each image and channel, so that each maximum is a separate point.
    maps = torch.zeros(grad_input.shape, dtype=dtype, device=grad_input.device).flatten(0, 1)[:, None].requires_grad_()
    image = rois[region, 0].long() * grad_input.size(1) + channel
    with torch.enable_grad():
        values = bilinear(maps, image, argmax_y[found].to(dtype), argmax_x[found].to(dtype))
    gradient, = torch.autograd.grad(values, maps, grad_output[found].to(dtype)[:, None])
    grad_input.copy_(gradient.view_as(grad_input))
