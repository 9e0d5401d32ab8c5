"""Finding the classification heads of a detector."""

from collections.abc import Mapping
from typing import NamedTuple

from mmdet.models import dense_heads
from torch import nn

from imbdet.heads.head_specs import HeadSpec, head_spec


class ClassificationHead(NamedTuple):
    """A head of a detector, with where its foreground decision is made.

    Attributes:
        name: Name in the detector, such as ``'bbox_head'`` or ``'roi_head.bbox_head.0'``.
        module: The head.
        spec: How it decides on foreground.
        layers: The layers whose bias decides, each with its name in the detector.
    """

    name: str
    module: nn.Module
    spec: HeadSpec
    layers: dict[str, nn.Module]

    @property
    def num_classes(self) -> int:
        """Classes among which the prior is shared; 1 where an objectness decides."""
        return 1 if self.spec.objectness else int(self.module.num_classes)  # type: ignore[arg-type]

    @property
    def loss(self) -> nn.Module | None:
        """The loss module that sees the targets of the foreground; None if there is none."""
        return getattr(self.module, self.spec.loss, None) if self.spec.loss else None

    def num_anchors(self, channels: int) -> int:
        """Count the anchors per place for which a layer gives logits.

        Args:
            channels: Outputs of one of ``layers``.

        Raises:
            ValueError: If the outputs are not those of the classes for each anchor.
        """
        if isinstance(self.module, dense_heads.YOLOV3Head):  # x, y, w, h, objectness and classes in one tensor
            return int(self.module.num_base_priors)
        if channels % self.num_outputs:
            raise ValueError(f'{self.name} has a layer of {channels} outputs, which are not {self.num_outputs} per anchor')
        return channels // self.num_outputs

    @property
    def is_trained(self) -> bool:
        """Whether the head has parameters that train; the teacher's heads of SoftTeacher have none."""
        return any(parameter.requires_grad for parameter in self.module.parameters())

    @property
    def num_outputs(self) -> int:
        """Channels per anchor: the classes, and the background where there is one, or what the loss asks for."""
        if getattr(self.module, 'custom_cls_channels', False) and self.module.loss_cls.use_sigmoid:  # type: ignore[union-attr]
            return int(self.module.loss_cls.get_cls_channels(self.num_classes))  # type: ignore[union-attr, operator]
        return self.num_classes + self.has_background

    @property
    def has_background(self) -> bool:
        """Whether the classes and a background, which comes last, share a softmax."""
        if self.spec.objectness:
            return False
        if not hasattr(self.module, 'loss_cls'):  # such as a heat map; SSD computes a softmax without a module
            return isinstance(self.module, dense_heads.SSDHead)
        return not getattr(self.module.loss_cls, 'use_sigmoid', False)


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
            spec = HeadSpec(layers.pop(name), is_product=head_spec(module).is_product)
            if not hasattr(module, spec.layer):
                raise ValueError(f'layers: {name}, a {type(module).__name__}, has no {spec.layer!r}')
        elif isinstance(getattr(module, 'loss_cls', None), nn.Module) or isinstance(module, dense_heads.SSDHead):
            spec = head_spec(module)
        else:
            continue
        found = dict(last_layers(getattr(module, spec.layer, None), f'{name}.{spec.layer}')) if spec.layer else {}
        heads[name] = ClassificationHead(name, module, spec, found)
    if layers:
        raise ValueError(f'layers: the detector has no {", ".join(layers)}; its heads are {", ".join(heads) or "none"}')
    return heads


def last_layers(module: nn.Module | None, name: str) -> list[tuple[str, nn.Module]]:
    """List the layers of one classification branch per level: of a sequence the last, of a list each.

    Args:
        module: A layer, a sequence or a list of such; None: none.
        name: Its name in the detector.

    Returns:
        Each layer with its name in the detector.
    """
    if module is None:
        return []
    if isinstance(module, nn.Sequential):
        return last_layers(module[-1], f'{name}.{len(module) - 1}')
    if isinstance(module, nn.ModuleList):
        return [layer for index, part in enumerate(module) for layer in last_layers(part, f'{name}.{index}')]
    return [(name, module)]
