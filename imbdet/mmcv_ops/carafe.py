"""CARAFE (Wang et al., arXiv:1905.02188, equation 4): upsampling with a separate kernel for each pixel."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad


def _places(kernel_size: int) -> Iterator[tuple[int, int, slice]]:
    """Yield row and column of each place of a kernel, and the mask's channels for it, one for each group."""
    for place in range(kernel_size * kernel_size):
        yield place // kernel_size, place % kernel_size, slice(place, None, kernel_size * kernel_size)


def _upsampled(window: Tensor, scale_factor: int, groups: int) -> Tensor:
    """Repeat the pixels of a map, shape (n, groups, C / groups, scale_factor H, scale_factor W)."""
    return interpolate(window, scale_factor=scale_factor, mode='nearest').unflatten(1, (groups, -1))


def carafe_naive_forward(features: Tensor, masks: Tensor, output: Tensor, kernel_size: int, group_size: int,
                         scale_factor: int) -> None:
    """Upsample: each new pixel is the sum of the neighbors of the pixel that contains it, weighted by its kernel.

    Args:
        features: Shape (n, C, H, W).
        masks: Kernels, shape (n, group_size kernel_size^2, scale_factor H, scale_factor W).
        output: Is filled, shape (n, C, scale_factor H, scale_factor W).
        kernel_size: Side of a kernel, odd.
        group_size: Groups of channels, each with its own kernels.
        scale_factor: New size over the old.
    """
    border = kernel_size // 2
    padded = pad(features, [border] * 4)
    height, width = features.shape[2:]
    result = torch.zeros_like(output).unflatten(1, (group_size, -1))
    for row, column, channels in _places(kernel_size):
        window = padded[:, :, row:row + height, column:column + width]
        result += _upsampled(window, scale_factor, group_size) * masks[:, channels, None]
    output.copy_(result.flatten(1, 2))


def carafe_naive_backward(top_grad: Tensor, features: Tensor, masks: Tensor, bottom_grad: Tensor, mask_grad: Tensor,
                          kernel_size: int, group_size: int, scale_factor: int) -> None:
    """Compute the gradients of :func:`carafe_naive_forward` by features and masks, into ``bottom_grad`` and ``mask_grad``."""
    border = kernel_size // 2
    padded, gradient = pad(features, [border] * 4), pad(torch.zeros_like(features), [border] * 4)
    height, width = features.shape[2:]
    by_group = top_grad.unflatten(1, (group_size, -1))
    for row, column, channels in _places(kernel_size):
        place = (slice(None), slice(None), slice(row, row + height), slice(column, column + width))
        mask_grad[:, channels] = (_upsampled(padded[place], scale_factor, group_size) * by_group).sum(2)
        weighted = (by_group * masks[:, channels, None]).flatten(1, 2)
        gradient[place] += avg_pool2d(weighted, scale_factor, divisor_override=1)
    bottom_grad.copy_(gradient[:, :, border:border + height, border:border + width])


def carafe_forward(features: Tensor, masks: Tensor, rfeatures: Tensor, routput: Tensor, rmasks: Tensor, output: Tensor,
                   kernel_size: int, group_size: int, scale_factor: int) -> None:
    """Upsample like :func:`carafe_naive_forward`, for mmcv's other operation with the same result.

    ``rfeatures`` keeps the features for :func:`carafe_backward`, to which mmcv hands it in their place; the other ``r``
    tensors, in mmcv the same in another layout, are not used.
    """
    rfeatures.copy_(features)
    carafe_naive_forward(features, masks, output, kernel_size, group_size, scale_factor)


def carafe_backward(top_grad: Tensor, rfeatures: Tensor, masks: Tensor, rtop_grad: Tensor, rbottom_grad_hs: Tensor,
                    rbottom_grad: Tensor, rmask_grad: Tensor, bottom_grad: Tensor, mask_grad: Tensor, kernel_size: int,
                    group_size: int, scale_factor: int) -> None:
    """Compute the gradients of :func:`carafe_forward`."""
    carafe_naive_backward(top_grad, rfeatures, masks, bottom_grad, mask_grad, kernel_size, group_size, scale_factor)
