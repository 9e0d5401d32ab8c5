"""Content of ``mmcv._ext`` for an mmcv without compiled operations."""

import types
from collections.abc import Callable
from typing import Any, NoReturn

import torch
import torchvision

from imbdet.distributions import build_command
from imbdet.mmcv_ops import (
    carafe,
    deform_conv,
    deform_roi_pool,
    focal_loss,
    line_nms,
    masked_conv,
    multi_scale_deform_attn,
    nms,
    roi_align,
    roi_pool,
)

OPERATIONS: dict[str, Callable] = {
    operation.__name__: operation for operation in (
        nms.nms, nms.softnms, nms.nms_match, line_nms.line_nms_forward,
        roi_align.roi_align_forward, roi_align.roi_align_backward,
        roi_pool.roi_pool_forward, roi_pool.roi_pool_backward,
        deform_roi_pool.deform_roi_pool_forward, deform_roi_pool.deform_roi_pool_backward,
        focal_loss.sigmoid_focal_loss_forward, focal_loss.sigmoid_focal_loss_backward,
        focal_loss.softmax_focal_loss_forward, focal_loss.softmax_focal_loss_backward,
        deform_conv.deform_conv_forward, deform_conv.deform_conv_backward_input, deform_conv.deform_conv_backward_parameters,
        deform_conv.modulated_deform_conv_forward, deform_conv.modulated_deform_conv_backward,
        multi_scale_deform_attn.ms_deform_attn_forward, multi_scale_deform_attn.ms_deform_attn_backward,
        carafe.carafe_forward, carafe.carafe_backward, carafe.carafe_naive_forward, carafe.carafe_naive_backward,
        masked_conv.masked_im2col_forward, masked_conv.masked_col2im_forward)
}
"""The supported operations, under mmcv's names."""


def get_compiler_version() -> str:
    """Return a text instead of a compiler version; mmcv and mmdet print it with the versions of a run."""
    return f'none (imbdet.mmcv_ops, torchvision {torchvision.__version__})'


def get_compiling_cuda_version() -> str:
    """Return the CUDA version of the kernels, which is torch's."""
    return torch.version.cuda or 'not available'


def fill(module: types.ModuleType) -> None:
    """Add the operations to ``mmcv._ext``, and an error when any other is called.

    mmcv looks up all its operations by name when ``mmcv.ops`` is imported, so only the call can fail.

    Args:
        module: The empty module.
    """
    module.__dict__.update(OPERATIONS, get_compiler_version=get_compiler_version,
                           get_compiling_cuda_version=get_compiling_cuda_version)

    def missing(name: str) -> Callable[..., NoReturn]:
        if name.startswith('__'):
            raise AttributeError(f'module {module.__name__} has no attribute {name}')

        def refuse(*args: Any, **kwargs: Any) -> NoReturn:
            raise NotImplementedError(f"mmcv's operation {name} needs a compiled mmcv. This mmcv is not compiled, and "
                                      'imbdet.mmcv_ops does not support this operation. Build mmcv: '
                                      f'{build_command()}')

        return refuse

    module.__dict__['__getattr__'] = missing
