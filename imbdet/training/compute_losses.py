"""Training batches seen by a detector that does not train: for what its own assigners and samplers make of them."""

import contextlib
import copy
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm, _InstanceNorm
from torch import nn


@torch.no_grad()
def compute_losses(detector: BaseModel, batches: Iterable[Any]) -> None:
    """Compute the losses of training batches without gradients, for what PyTorch hooks see of it.

    Args:
        detector: The detector, not wrapped for distributed training. Its modes and buffers stay as they were; meanwhile it is
            in training mode, its batch and instance norms excepted.
        batches: Training batches as its dataloader gives them.
    """
    preprocessor = copy.deepcopy(detector.data_preprocessor)  # YOLOX's keeps the size of the first batch it sees
    with training_mode_restored(detector):
        for batch in batches:
            detector(**preprocessor(batch, True), mode='loss')


@contextlib.contextmanager
def training_mode_restored(detector: nn.Module) -> Iterator[None]:
    """Put a detector into training mode, normalization layers excepted, and leave its modes and buffers as they were.

    Args:
        detector: The detector. Its batch and instance norms are in eval mode inside the block.
    """
    modes = [(module, module.training) for module in detector.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in detector.buffers()]
    detector.train()
    for module in detector.modules():
        if isinstance(module, _BatchNorm | _InstanceNorm):
            module.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for buffer, value in buffers:  # such as the class counts of SeesawLoss
            buffer.copy_(value)
