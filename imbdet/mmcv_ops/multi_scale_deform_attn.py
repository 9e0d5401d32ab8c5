"""Multi-scale deformable attention (Zhu et al., arXiv:2010.04159, equation 3), with torch's grid_sample."""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample


def ms_deform_attn_forward(value: Tensor, value_spatial_shapes: Tensor, value_level_start_index: Tensor,
                           sampling_locations: Tensor, attention_weights: Tensor, im2col_step: int) -> Tensor:
    """Sum weighted samples of several feature maps for each query.

    Args:
        value: Pixels of all levels, shape (n, pixels, heads, C).
        value_spatial_shapes: Height and width of each level, int64, shape (levels, 2).
        value_level_start_index: First pixel of each level, int64, shape (levels,).
        sampling_locations: Points (x, y) in [0, 1] of the map, shape (n, queries, heads, levels, points, 2).
        attention_weights: Their weights, shape (n, queries, heads, levels, points).
        im2col_step: Images at a time in mmcv's kernel; not used.

    Returns:
        Shape (n, queries, heads C).
    """
    images, queries, heads, _, points = attention_weights.shape
    channels = value.size(3)
    result = value.new_zeros(images * heads, channels, queries)
    for level, (height, width) in enumerate(value_spatial_shapes.tolist()):
        start = int(value_level_start_index[level])
        pixels = value[:, start:start + height * width].permute(0, 2, 3, 1).reshape(images * heads, channels, height, width)
        grid = (2 * sampling_locations[:, :, :, level] - 1).transpose(1, 2).flatten(0, 1)
        samples = grid_sample(pixels, grid, mode='bilinear', padding_mode='zeros', align_corners=False)
        weights = attention_weights[:, :, :, level].transpose(1, 2).reshape(images * heads, 1, queries, points)
        result = result + (samples * weights).sum(-1)
    return result.view(images, heads * channels, queries).transpose(1, 2).contiguous()


def ms_deform_attn_backward(value: Tensor, value_spatial_shapes: Tensor, value_level_start_index: Tensor,
                            sampling_locations: Tensor, attention_weights: Tensor, grad_output: Tensor, grad_value: Tensor,
                            grad_sampling_loc: Tensor, grad_attn_weight: Tensor, im2col_step: int) -> None:
    """Compute the gradients of :func:`ms_deform_attn_forward` by value, locations and weights, into the ``grad_`` tensors."""
    inputs = [tensor.detach().requires_grad_() for tensor in (value, sampling_locations, attention_weights)]
    with torch.enable_grad():
        output = ms_deform_attn_forward(inputs[0], value_spatial_shapes, value_level_start_index, inputs[1], inputs[2],
                                        im2col_step)
    gradients = torch.autograd.grad(output, inputs, grad_output)
    for place, gradient in zip((grad_value, grad_sampling_loc, grad_attn_weight), gradients, strict=True):
        place.copy_(gradient)
