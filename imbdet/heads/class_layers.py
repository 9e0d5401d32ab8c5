"""Where the logits of the classes leave a detector: the layers, and which of their outputs belong to which class."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from mmdet.models import dense_heads
from torch import Tensor, nn

from imbdet.heads.find_heads import ClassificationHead, find_heads, last_layers
from imbdet.heads.head_specs import RPN_HEADS


class ClassLayer(NamedTuple):
    """A layer that gives the logits of the classes, next to other outputs.

    Attributes:
        names: Its names in the detector, such as ``'roi_head.bbox_head.fc_cls'``; several where branches share it.
        layer: The layer, a convolution or a linear layer.
        head: The head that it belongs to.
        channels: Position among the layer's outputs of each class's logit, for each of A anchors, shape (A, C), int64.
        num_outputs: Outputs of the layer.
    """

    names: tuple[str, ...]
    layer: nn.Module
    head: ClassificationHead
    channels: Tensor
    num_outputs: int

    @property
    def name(self) -> str:
        """The first of its names."""
        return self.names[0]

    @property
    def is_linear(self) -> bool:
        """Whether its outputs are the last dimension, and not the second, as those of a convolution."""
        return isinstance(self.layer, nn.Linear)

    @property
    def has_background(self) -> bool:
        """Whether the logit after those of the classes is a background's, in one softmax with them."""
        return self.head.has_background and self.num_outputs // len(self.channels) == self.channels.shape[1] + 1

    def spread(self, values: Tensor, rest: float) -> Tensor:
        """Give each output of the layer the value of its class.

        Args:
            values: A value for each class, shape (C,).
            rest: The value of what is no class, such as a background.

        Returns:
            A value for each output, dtype and device of ``values``, in a shape that broadcasts with the outputs: (K,) of a
            linear layer, (K, 1, 1) of a convolution.
        """
        spread = values.new_full((self.num_outputs, ), rest)
        spread[self.channels.to(values.device)] = values
        return spread if self.is_linear else spread[:, None, None]

    def rows(self, outputs: Tensor) -> Tensor:
        """Take the class logits, and the background's, out of what the layer gave.

        Args:
            outputs: Shape (..., K) of a linear layer, (B, K, H, W) of a convolution.

        Returns:
            A row for each region, query or anchor, shape (n, C), or (n, C + 1) with a background.
        """
        if not self.is_linear:
            outputs = outputs.movedim(1, -1)
        channels = self.channels
        if self.has_background:
            channels = torch.cat([channels, channels[:, -1:] + 1], 1)
        return outputs[..., channels.to(outputs.device)].flatten(0, -2)


def find_class_layers(detector: nn.Module) -> list[ClassLayer]:
    """Find the layers that give a detector's class logits, on all levels, stages and decoder layers.

    Region proposals have no classes and are left out.

    Args:
        detector: An mmdet detector.

    Returns:
        The layers in the detector's order, each once, also where branches share it.

    Raises:
        ValueError: If it is not known where a head has its class logits, or no head has any.
    """
    found: dict[nn.Module, ClassLayer] = {}
    for head in find_heads(detector).values():
        if isinstance(head.module, RPN_HEADS) or not head.spec.has_predictions:
            continue
        for class_layer in _layers_of(head):
            names = found[class_layer.layer].names if class_layer.layer in found else ()
            found[class_layer.layer] = class_layer._replace(names=names + class_layer.names)
    if not found:
        raise ValueError(f'{type(detector).__name__} has no head whose class logits are known')
    return list(found.values())


def _layers_of(head: ClassificationHead) -> Iterator[ClassLayer]:
    attribute = head.spec.class_layer or head.spec.layer
    kind = type(head.module).__name__
    layers = last_layers(getattr(head.module, attribute, None), f'{head.name}.{attribute}') if attribute else []
    if not layers:
        raise ValueError(f'{head.name} is a {kind}, of which it is not known which layer gives the class logits')
    for name, layer in layers:
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            raise ValueError(f'{name} of a {kind} is a {type(layer).__name__}; class logits are expected from a linear layer '
                             'or a convolution')
        num_outputs = len(layer.weight)
        yield ClassLayer((name, ), layer, head, _channels(head, name, num_outputs), num_outputs)


def _channels(head: ClassificationHead, name: str, num_outputs: int) -> Tensor:
    """Return the position of each anchor's and class's logit."""
    module: Any = head.module
    num_classes, before = int(module.num_classes), 0
    loss = getattr(module, 'loss_cls', None)
    if isinstance(module, dense_heads.YOLOV3Head):
        before, per_anchor = 5, 5 + num_classes  # x, y, w, h and objectness
    elif getattr(module, 'custom_cls_channels', False):  # such as Seesaw loss's, with two logits of objectness last
        per_anchor = int(loss.get_cls_channels(num_classes))  # type: ignore[union-attr, operator]
    else:
        per_anchor = num_classes + head.has_background
    if num_outputs % per_anchor:
        raise ValueError(f'{name} has {num_outputs} outputs, which are not {per_anchor} for each anchor')
    anchors = torch.arange(0, num_outputs, per_anchor)
    return anchors[:, None] + before + torch.arange(num_classes)
