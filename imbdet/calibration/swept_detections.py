"""Detections under many calibrations from one pass of the network."""

import contextlib
import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from imbdet.calibration.calibrated_layer import CalibratedLayer

Setting = Sequence[CalibratedLayer]
"""A calibration of all layers that give class logits; empty: none."""


def swept_detections(detector: BaseModel, batches: Iterable[Any], settings: Sequence[Setting]) -> list[list[dict[str, Any]]]:
    """Detect under each of several calibrations.

    What comes before the first class logits, which is nearly all of the network, runs once for each batch, and its outputs are
    used again for the other calibrations. Detections are those of as many whole passes.

    Args:
        detector: The detector; it is in eval mode meanwhile.
        batches: Batches of a test dataloader.
        settings: The calibrations.

    Returns:
        For each calibration, for each image, ``image_id``, ``bboxes`` (n, 4) as x1, y1, x2, y2 in pixels of the original image,
        ``scores`` (n,) and ``labels`` (n,), as arrays.
    """
    found: list[list[dict[str, Any]]] = [[] for _ in settings]
    mode = detector.training
    detector.eval()
    sweep = _Sweep(detector, settings)
    try:
        with torch.no_grad(), sweep.attached():
            for batch in batches:
                data = detector.data_preprocessor(batch, False)
                for number in range(len(settings)):
                    sweep.begin(number)
                    found[number] += [_kept(sample) for sample in detector(**data, mode='predict')]
    finally:
        detector.train(mode)
    return found


class _Sweep:
    """Keeps what modules before the first class logits give in the first pass of a batch, for its other passes."""

    def __init__(self, detector: nn.Module, settings: Sequence[Setting]) -> None:
        self._settings = settings
        self._layers = {each.layer.layer for setting in settings for each in setting}
        self._modules = list(_without(detector, self._layers)) if self._layers else []
        self._outputs: list[Any] = []
        self._number = self._position = 0
        self._is_before = True  # the first class logits of the pass

    def begin(self, number: int) -> None:
        """Begin a pass with a calibration; the first begins a batch."""
        self._number, self._position, self._is_before = number, 0, True
        if number == 0:
            self._outputs = []

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Attach to the detector; afterwards it is as it was."""
        handles = [layer.register_forward_hook(self._calibrate) for layer in self._layers]
        for module in self._modules:
            module.forward = functools.partial(self._forward, module.forward)  # of this one object, and not of its class
        try:
            yield
        finally:
            for module in self._modules:
                del module.forward
            for handle in handles:
                handle.remove()

    def _forward(self, forward: Any, *arguments: Any, **keywords: Any) -> Any:
        if not self._is_before:
            return forward(*arguments, **keywords)
        if self._number == 0:
            self._outputs.append(forward(*arguments, **keywords))
        self._position += 1
        return self._outputs[self._position - 1]

    def _calibrate(self, layer: nn.Module, inputs: tuple, outputs: Tensor) -> Tensor:
        self._is_before = False
        for each in self._settings[self._number]:
            if each.layer.layer is layer:
                return each.apply(outputs)
        return outputs


def _without(module: nn.Module, layers: set[nn.Module]) -> Iterator[nn.Module]:
    """Yield the largest parts of a module that contain none of the layers."""
    for child in module.children():
        if child in layers:
            continue
        if layers.isdisjoint(child.modules()):
            yield child
        else:
            yield from _without(child, layers)


def _kept(sample: Any) -> dict[str, Any]:
    found = sample.pred_instances
    return {'image_id': sample.img_id, **{key: found[key].cpu().numpy() for key in ('bboxes', 'scores', 'labels')}}
