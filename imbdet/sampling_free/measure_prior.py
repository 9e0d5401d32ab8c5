"""Measuring foreground priors: how many anchors a head's own assigner makes foreground on training batches."""

import contextlib
import copy
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.model import BaseModel
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm, _InstanceNorm
from torch import Tensor, nn

from imbdet.sampling_free.classification_heads import ClassificationHead
from imbdet.sampling_free.foreground_prior import count_foreground


@contextlib.contextmanager
def training_without_traces(detector: nn.Module) -> Iterator[None]:
    """Put a detector into training mode, normalisation apart, and leave its modes and buffers as they were.

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


@torch.no_grad()
def measure_foreground(detector: BaseModel, heads: Iterable[ClassificationHead],
                       batches: Iterable[Any]) -> dict[str, tuple[int, int]]:
    """Count what the heads' own assigners make foreground, summed over all ranks.

    The losses of the batches are computed without gradients. Modes and buffers of the detector stay as they were.

    Args:
        detector: The detector, not wrapped for distributed training.
        heads: Heads of it, each with the name of its loss.
        batches: Training batches as the detector's dataloader gives them; as many on every rank.

    Returns:
        Foreground anchors and all anchors that are not ignored, by the head's name.
    """
    heads = list(heads)
    counts = {head.name: torch.zeros(2, dtype=torch.int64) for head in heads}
    handles = [getattr(head.module, str(head.kind.loss)).register_forward_pre_hook(
        _counter(head, counts[head.name]), with_kwargs=True) for head in heads]
    preprocessor = copy.deepcopy(detector.data_preprocessor)  # YOLOX's keeps the size of the first batch it sees
    try:
        with training_without_traces(detector):
            for batch in batches:
                detector(**preprocessor(batch, True), mode='loss')
    finally:
        for handle in handles:
            handle.remove()
    for count in counts.values():
        all_reduce(count)
    return {name: (int(count[0]), int(count[1])) for name, count in counts.items()}


def _counter(head: ClassificationHead, counts: Tensor) -> Any:
    """Make a forward pre-hook that adds what a call of the head's loss sees to the counts."""

    def count(_: nn.Module, arguments: tuple, keywords: dict) -> None:
        if keywords.get('reduction_override') == 'none':
            return  # scores of candidates, by which PAA assigns; no loss
        names = dict(zip(('pred', 'target', 'weight'), arguments, strict=False)) | keywords
        foreground, anchors = count_foreground(names['target'], names.get('weight'), head.num_classes,
                                               head.kind.objectness)
        counts.add_(torch.stack([foreground, anchors]).cpu())

    return count
