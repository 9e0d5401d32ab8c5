"""Where mmdet's heads keep the bias of their foreground decision, and which loss sees its targets."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from mmdet.models import dense_heads
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from torch import nn

from imbdet.sampling_free.foreground_prior import optimal_bias, optimal_softmax_bias


class HeadKind(NamedTuple):
    """How a kind of head decides on foreground.

    Attributes:
        layer: Attribute with the layer whose bias decides: a convolution, a linear layer, or lists of them.
        loss: Attribute with the loss module that sees the foreground's targets; None if the loss is no module.
        objectness: Whether one logit an anchor decides, beside the classes.
        dynamic: Whether the assigner looks at the predictions, so that a prior measured before training is a guess.
        by_name_only: Whether it is left alone unless the user names it.
    """

    layer: str
    loss: str | None = 'loss_cls'
    objectness: bool = False
    dynamic: bool = False
    by_name_only: bool = False


# A head is looked up by its class, then by its bases.
KINDS = {
    dense_heads.RetinaHead: HeadKind('retina_cls'),
    dense_heads.RPNHead: HeadKind('rpn_cls'),
    dense_heads.FCOSHead: HeadKind('conv_cls'),
    dense_heads.ATSSHead: HeadKind('atss_cls'),
    dense_heads.PAAHead: HeadKind('atss_cls', dynamic=True),
    dense_heads.GFLHead: HeadKind('gfl_cls'),
    dense_heads.SSDHead: HeadKind('cls_convs', loss=None),
    dense_heads.YOLOV3Head: HeadKind('convs_pred', loss='loss_conf', objectness=True),
    dense_heads.YOLOXHead: HeadKind('multi_level_conv_obj', loss='loss_obj', objectness=True, dynamic=True),
    # Sampling-Free keeps the default bias of RoI heads, where foreground is common: about 1 in 10.
    BBoxHead: HeadKind('fc_cls', by_name_only=True),
    # A query is no anchor: matching is one to one, and depends on the predictions.
    dense_heads.DETRHead: HeadKind('fc_cls', loss=None, by_name_only=True),
    dense_heads.DeformableDETRHead: HeadKind('cls_branches', loss=None, by_name_only=True),
}


class ClassificationHead(NamedTuple):
    """A head of a detector, with where its foreground decision is made.

    Attributes:
        name: Name in the detector, such as ``'bbox_head'`` or ``'roi_head.bbox_head.0'``.
        module: The head.
        kind: How it decides on foreground.
        layers: The layers whose bias decides, each with its name in the detector.
    """

    name: str
    module: nn.Module
    kind: HeadKind
    layers: dict[str, nn.Module]

    @property
    def num_classes(self) -> int:
        """Classes among which the prior is shared; 1 where an objectness decides."""
        return 1 if self.kind.objectness else int(self.module.num_classes)  # type: ignore[arg-type]

    @property
    def has_background(self) -> bool:
        """Whether the classes and a background, which comes last, share a softmax."""
        if self.kind.objectness:
            return False
        return not getattr(getattr(self.module, 'loss_cls', None), 'use_sigmoid', False)

    def bias(self, prior: float) -> float:
        """Bias that the prior asks for; for a softmax, above the background's.

        Raises:
            ValueError: If the prior is out of range.
        """
        try:
            if self.has_background:
                return optimal_softmax_bias(prior, self.num_classes)
            return optimal_bias(prior)
        except ValueError as error:
            raise ValueError(f'{self.name} ({type(self.module).__name__}): {error}') from None

    @torch.no_grad()
    def set_bias(self, prior: float) -> float:
        """Write the bias that the prior asks for into the layers.

        Args:
            prior: Foreground prior, in (0, 1 / C).

        Returns:
            The bias; for a softmax, above the background's.

        Raises:
            ValueError: If the prior is out of range, or a layer has no bias or not as many outputs as its head's classes
                ask for.
        """
        value = self.bias(prior)
        for name, layer in self.layers.items():
            bias = getattr(layer, 'bias', None)
            if bias is None:
                raise ValueError(f'{name}, a {type(layer).__name__}, has no bias to initialise')
            if isinstance(self.module, dense_heads.YOLOV3Head):  # x, y, w, h, objectness, classes for each anchor
                bias.view(self.module.num_base_priors, -1)[:, 4] = value
            elif self.has_background:
                outputs = self.num_classes + 1
                if len(bias) % outputs:
                    raise ValueError(f'{name} has {len(bias)} outputs, which are not {self.num_classes} classes and a '
                                     'background for each anchor')
                bias.view(-1, outputs)[:, :-1] = value
                bias.view(-1, outputs)[:, -1] = 0
            else:
                bias.fill_(value)
        return value


def find_heads(detector: nn.Module, layers: Mapping[str, str] | None = None) -> dict[str, ClassificationHead]:
    """Find the classification heads of a detector.

    Args:
        detector: An mmdet detector.
        layers: For heads that are not known, the attribute with the classification layer, by the head's name. The
            targets are then those of its ``loss_cls``.

    Returns:
        The heads by name, in the detector's order. A head that is not known has no layers.

    Raises:
        ValueError: If ``layers`` names a head or a layer that the detector does not have.
    """
    layers = dict(layers or {})
    heads = {}
    for name, module in detector.named_modules():
        if name in layers:
            kind = HeadKind(layers.pop(name))
            if not hasattr(module, kind.layer):
                raise ValueError(f'layers: {name}, a {type(module).__name__}, has no {kind.layer!r}')
        elif isinstance(getattr(module, 'loss_cls', None), nn.Module) or isinstance(module, dense_heads.SSDHead):
            kind = next((KINDS[base] for base in type(module).__mro__ if base in KINDS), HeadKind(''))
        else:
            continue
        found = dict(_last_layers(getattr(module, kind.layer, None), f'{name}.{kind.layer}'))
        heads[name] = ClassificationHead(name, module, kind, found)
    if layers:
        raise ValueError(f'layers: the detector has no {", ".join(layers)}; its heads are {", ".join(heads) or "none"}')
    return heads


def _last_layers(module: nn.Module | None, name: str) -> list[tuple[str, nn.Module]]:
    """List the layers of one classification branch a level: of a sequence the last, of a list each."""
    if module is None:
        return []
    if isinstance(module, nn.Sequential):
        return _last_layers(module[-1], f'{name}.{len(module) - 1}')
    if isinstance(module, nn.ModuleList):
        return [layer for index, part in enumerate(module) for layer in _last_layers(part, f'{name}.{index}')]
    return [(name, module)]
