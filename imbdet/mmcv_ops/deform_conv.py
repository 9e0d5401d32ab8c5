"""Deformable convolution (Dai et al., arXiv:1703.06211), also modulated (Zhu et al., arXiv:1811.11168), with torchvision.

mmcv gives sizes by keywords, with other names for the two: ``kH, kW`` and ``kernel_h, kernel_w`` (of the kernel), ``dH, dW``
and ``stride_h, stride_w``, ``padH, padW`` and ``pad_h, pad_w``, ``dilationH, dilationW`` and ``dilation_h, dilation_w``; also
``group`` and ``deformable_group``, groups of channels with weights or displacements of their own. Its ``im2col_step``, images
at a time, is left to torchvision.
"""

import torch
from torch import Tensor

from imbdet.mmcv_ops.roi_align import kernel_dtype

PLAIN = ('dH', 'dW', 'padH', 'padW', 'dilationH', 'dilationW', 'group', 'deformable_group')
MODULATED = ('stride_h', 'stride_w', 'pad_h', 'pad_w', 'dilation_h', 'dilation_w', 'group', 'deformable_group')


def _forward(input: Tensor, weight: Tensor, offset: Tensor, mask: Tensor | None, bias: Tensor | None,
             geometry: list[int]) -> Tensor:
    dtype = kernel_dtype(input)
    modulation = offset.new_zeros(len(offset), 1) if mask is None else mask
    constant = weight.new_zeros(weight.size(0)) if bias is None else bias
    return torch.ops.torchvision.deform_conv2d(input.to(dtype), weight.to(dtype), offset.to(dtype), modulation.to(dtype),
                                               constant.to(dtype), *geometry, mask is not None)


def _backward(grad_output: Tensor, input: Tensor, weight: Tensor, offset: Tensor, mask: Tensor | None,
              geometry: list[int]) -> tuple[Tensor, ...]:
    """Gradients by input, weight, offset, mask and bias."""
    dtype = kernel_dtype(input)
    modulation = offset.new_zeros(len(offset), 1) if mask is None else mask
    return torch.ops.torchvision._deform_conv2d_backward(
        grad_output.to(dtype), input.to(dtype), weight.to(dtype), offset.to(dtype), modulation.to(dtype),
        weight.new_zeros(weight.size(0), dtype=dtype), *geometry, mask is not None)


def _as_read(values: Tensor, output: Tensor) -> Tensor:
    """Lay out displacements or weights as mmcv's kernel reads them.

    It takes them for a map of the output's size and does not check that. mmdet's DyHead gives them for twice that size, and
    its trained detectors rely on what is read: of each image as many numbers as are needed, from the first on.
    """
    size = output.shape[2:]
    if values.shape[2:] == size:
        return values
    needed = values.size(1) * size.numel()
    if values[0].numel() < needed:
        raise RuntimeError(f'offset and mask must have at least the size of the output, {tuple(size)}, got '
                           f'{tuple(values.shape[2:])}')
    return values.flatten(1)[:, :needed].reshape(*values.shape[:2], *size)


def _write_as_read(place: Tensor, gradient: Tensor) -> None:
    """Write the gradient of what :func:`_as_read` returned to where it was read from; it is 0 elsewhere."""
    flat = torch.zeros_like(place).flatten(1)
    flat[:, :gradient[0].numel()] = gradient.flatten(1).to(flat)
    place.copy_(flat.view_as(place))


def deform_conv_forward(input: Tensor, weight: Tensor, offset: Tensor, output: Tensor, columns: Tensor, ones: Tensor,
                        **sizes: int) -> None:
    """Convolve with a displaced pixel for each weight.

    Args:
        input: Shape (n, C, H, W).
        weight: Shape (out channels, C / group, kH, kW).
        offset: Displacement (y, x) of each weight and place, shape (n, 2 deformable_group kH kW, out H, out W).
        output: Is filled, shape (n, out channels, out H, out W).
        columns: Not used in the forward pass.
        ones: Not used.
        **sizes: mmcv's keywords; see the module.
    """
    output.copy_(_forward(input, weight, offset, None, None, [sizes[name] for name in PLAIN]))


def deform_conv_backward_input(input: Tensor, offset: Tensor, grad_output: Tensor, grad_input: Tensor, grad_offset: Tensor,
                               weight: Tensor, columns: Tensor, **sizes: int) -> None:
    """Compute the gradients of :func:`deform_conv_forward` by input and offset.

    torchvision computes that by the weight in the same call. It is kept in ``columns``, which mmcv hands to
    :func:`deform_conv_backward_parameters` next.
    """
    by_input, by_weight, by_offset, *_ = _backward(grad_output, input, weight, offset, None, [sizes[name] for name in PLAIN])
    grad_input.copy_(by_input)
    grad_offset.copy_(by_offset)
    columns.resize_(weight.shape).copy_(by_weight)


def deform_conv_backward_parameters(input: Tensor, offset: Tensor, grad_output: Tensor, grad_weight: Tensor, columns: Tensor,
                                    ones: Tensor, scale: float, **sizes: int) -> None:
    """Compute the gradient of :func:`deform_conv_forward` by the weight, ``scale`` times, into ``grad_weight``."""
    by_weight = columns
    if columns.shape != grad_weight.shape:  # neither input nor offset needs a gradient; that by the weight depends on no weight
        by_weight = _backward(grad_output, input, torch.zeros_like(grad_weight), offset, None,
                              [sizes[name] for name in PLAIN])[1]
    grad_weight.copy_(by_weight * scale)
    columns.resize_(0)


def modulated_deform_conv_forward(input: Tensor, weight: Tensor, bias: Tensor, ones: Tensor, offset: Tensor, mask: Tensor,
                                  output: Tensor, columns: Tensor, with_bias: bool, **sizes: int) -> None:
    """Convolve as :func:`deform_conv_forward`, each displaced pixel weighted by ``mask``.

    Args:
        input: Shape (n, C, H, W).
        weight: Shape (out channels, C / group, kernel_h, kernel_w).
        bias: Shape (out channels,), or empty.
        ones: Not used.
        offset: Displacement (y, x) of each weight and place.
        mask: Weight of each, shape (n, deformable_group kernel_h kernel_w, out H, out W).
        output: Is filled, shape (n, out channels, out H, out W).
        columns: Not used.
        with_bias: Whether there is a bias.
        **sizes: mmcv's keywords; see the module.
    """
    output.copy_(_forward(input, weight, _as_read(offset, output), _as_read(mask, output), bias if with_bias else None,
                          [sizes[name] for name in MODULATED]))


def modulated_deform_conv_backward(input: Tensor, weight: Tensor, bias: Tensor, ones: Tensor, offset: Tensor, mask: Tensor,
                                   columns: Tensor, grad_input: Tensor, grad_weight: Tensor, grad_bias: Tensor,
                                   grad_offset: Tensor, grad_mask: Tensor, grad_output: Tensor, with_bias: bool,
                                   **sizes: int) -> None:
    """Compute the gradients of :func:`modulated_deform_conv_forward`, into the ``grad_`` tensors but ``grad_output``."""
    gradients = _backward(grad_output, input, weight, _as_read(offset, grad_output), _as_read(mask, grad_output),
                          [sizes[name] for name in MODULATED])
    grad_input.copy_(gradients[0])
    grad_weight.copy_(gradients[1])
    _write_as_read(grad_offset, gradients[2])
    _write_as_read(grad_mask, gradients[3])
    if with_bias:
        grad_bias.copy_(gradients[4])
