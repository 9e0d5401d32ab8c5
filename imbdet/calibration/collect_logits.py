"""One pass over training images for the statistics of a detector's class logits, which LogN needs."""

import functools
from collections.abc import Iterable
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from imbdet.calibration.logn import LogitStatistics
from imbdet.heads import ClassLayer, find_class_layers
from imbdet.training import compute_losses


def collect_logits(detector: BaseModel, batches: Iterable[Any]) -> dict[str, LogitStatistics]:
    """Collect the statistics of the class logits on training batches, over all ranks.

    The logits are those whose losses training computes: of the regions that the detector samples, of all anchors of a dense
    head, of all queries. Nothing is trained; modes and buffers of the detector stay as they were.

    Args:
        detector: The detector, not wrapped for distributed training.
        batches: Training batches as its dataloader gives them.

    Returns:
        Statistics of the class logits, and of the background's where there is one, by the layer's name; the same on all ranks.

    Raises:
        ValueError: If it is not known which layers give the class logits.
    """
    layers = find_class_layers(detector)
    found: dict[str, LogitStatistics] = {}
    handles = [each.layer.register_forward_hook(functools.partial(_add, each, found)) for each in layers]
    try:
        compute_losses(detector, batches)
    finally:
        for handle in handles:
            handle.remove()
    device = next(detector.parameters()).device
    width = {each.name: each.channels.shape[1] + each.has_background for each in layers}
    nothing = {name: LogitStatistics.of(torch.empty(0, number, device=device)) for name, number in width.items()}
    return {name: found.get(name, nothing[name]).all_reduce() for name in nothing}


def _add(class_layer: ClassLayer, found: dict[str, LogitStatistics], layer: nn.Module, inputs: tuple, outputs: Tensor) -> None:
    """Forward hook of a layer."""
    statistics = LogitStatistics.of(class_layer.rows(outputs))
    found[class_layer.name] = found[class_layer.name] + statistics if class_layer.name in found else statistics
