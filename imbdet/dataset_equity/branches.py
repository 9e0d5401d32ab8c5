"""Which predictions of mmdet's heads a weight for each image has to reach, and on which dimension."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from mmdet.models import dense_heads
from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmdet.models.roi_heads import bbox_heads, mask_heads
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from imbdet.dataset_equity.batch_weights import BatchWeights

# Heads whose gradients the tests compare with those of images taken one by one.
TESTED = (
    dense_heads.RetinaHead, dense_heads.FCOSHead, dense_heads.ATSSHead, dense_heads.PAAHead, dense_heads.GFLHead,
    dense_heads.VFNetHead, dense_heads.YOLOXHead, dense_heads.RTMDetSepBNHead, dense_heads.SSDHead, dense_heads.RPNHead,
    dense_heads.DETRHead, dense_heads.DeformableDETRHead, dense_heads.DINOHead, bbox_heads.Shared2FCBBoxHead,
    mask_heads.FCNMaskHead)


class Branch(NamedTuple):
    """A head whose predictions are to be weighted.

    Attributes:
        name: Its name in the detector.
        head: The head.
        outputs: Positions of its outputs, in the tuple that its forward returns; empty: all of them.
        extractor: For a RoI head, the extractor that is called with the regions; else None.
    """

    name: str
    head: nn.Module
    outputs: tuple[int, ...]
    extractor: nn.Module | None = None

    @property
    def required(self) -> list[str]:
        """What has to be reached in a training step."""
        return [self.name, *([encoder_name(self.name)] if getattr(self.head, 'as_two_stage', False) else [])]

    def replace(self, outputs: Any, weight: Callable[[Any], Any]) -> Any:
        """Return the head's outputs with those of the branch weighted by the function."""
        if isinstance(outputs, Tensor):  # a mask head's
            return weight(outputs)
        return tuple(weight(part) if not self.outputs or position in self.outputs else part
                     for position, part in enumerate(outputs))


def encoder_name(head: str) -> str:
    """Name of the branch by which a two-stage DETR's head classifies the encoder's tokens."""
    return f'{head} (encoder)'


def find_branches(detector: nn.Module, apply_to: str) -> list[Branch]:
    """Find the heads to serve.

    Args:
        detector: An mmdet detector.
        apply_to: ``'cls'``: what classifies; ``'all'``: whatever has a loss.

    Returns:
        The branches, in the detector's order.

    Raises:
        ValueError: If a head cannot be served, or there is none.
    """
    branches, refused = [], []
    for name, module in detector.named_modules():
        if not _is_concerned(module, apply_to):
            continue
        branch = _branch(detector, name, module, apply_to)
        if branch is None:
            refused.append(f'{name} ({type(module).__name__})')
        else:
            branches.append(branch)
    if refused or not branches:
        what = f'cannot serve {", ".join(refused)}' if refused else 'found no classification head'
        raise ValueError(f'DatasetEquityHook: {what} in the {type(detector).__name__} with apply_to={apply_to!r}. Served '
                         'are dense heads that return their class logits first, one tensor a level, box heads beside a '
                         'bbox_roi_extractor and heads of the DETR family; with all, also FCNMaskHead')
    return branches


def _is_concerned(module: nn.Module, apply_to: str) -> bool:
    losses = [name for name, _ in module.named_children() if name.startswith('loss')]
    if apply_to == 'all':
        return bool(losses) or isinstance(module, BaseDenseHead)  # SSD's loss is no module
    if isinstance(module, bbox_heads.BBoxHead):
        return module.with_cls
    return 'loss_cls' in losses or isinstance(module, BaseDenseHead)


def _branch(detector: nn.Module, name: str, head: nn.Module, apply_to: str) -> Branch | None:
    outputs = (0, ) if apply_to == 'cls' else ()
    if isinstance(head, BaseDenseHead):
        return _dense_branch(name, head, outputs)
    if isinstance(head, dense_heads.DETRHead):
        return Branch(name, head, outputs)
    if isinstance(head, bbox_heads.BBoxHead) or type(head) is mask_heads.FCNMaskHead:
        extractor = _extractor(detector, name)
        return None if extractor is None else Branch(name, head, outputs, extractor)
    return None


def _dense_branch(name: str, head: BaseDenseHead, outputs: tuple[int, ...]) -> Branch | None:
    if isinstance(head, dense_heads.MaskFormerHead):  # returns no levels
        return None
    if not outputs:
        return Branch(name, head, outputs)
    if isinstance(head, dense_heads.YOLOV3Head):  # boxes and classes are one tensor
        return None
    if isinstance(head, dense_heads.YOLOXHead):
        return Branch(name, head, (0, 2))  # an objectness decides on foreground: a classification too
    return Branch(name, head, outputs) if hasattr(head, 'loss_cls') or isinstance(head, dense_heads.SSDHead) else None


def _extractor(detector: nn.Module, head: str) -> nn.Module | None:
    """Find the RoI extractor beside a head: of roi_head.bbox_head.0 it is roi_head.bbox_roi_extractor.0."""
    try:
        return detector.get_submodule(re.sub(r'_head(\.\d+)?$', r'_roi_extractor\1', head))
    except AttributeError:
        return None


def attach(branch: Branch, weights: BatchWeights) -> list[RemovableHandle]:
    """Hook onto a branch, so that its predictions are weighted whenever its head is called in a training step.

    Args:
        branch: The branch.
        weights: The weights of the batch.

    Returns:
        Handles that remove the hooks.
    """
    if branch.extractor is not None:
        return _attach_regions(branch, branch.extractor, weights)
    if isinstance(branch.head, dense_heads.DETRHead):
        return _attach_queries(branch, weights)

    def weight(head: nn.Module, inputs: tuple, outputs: Any) -> Any:
        if isinstance(outputs, Tensor) or any(isinstance(part, Tensor) for part in outputs):
            raise ValueError(f'DatasetEquityHook: {branch.name} ({type(head).__name__}) returns a tensor where a list of '
                             'one for each level is expected; this head cannot be served')
        return branch.replace(outputs, lambda levels: weights.weight_images(branch.name, levels))

    return [branch.head.register_forward_hook(weight)]


def _attach_regions(branch: Branch, extractor: nn.Module, weights: BatchWeights) -> list[RemovableHandle]:
    """The extractor is called with the regions first, each with the index of its image; the head with their features."""
    images: list[Tensor] = []

    def note(extractor: nn.Module, inputs: tuple, keywords: dict) -> None:
        rois = keywords['rois'] if 'rois' in keywords else inputs[1]
        images[:] = [rois[:, 0].detach()]

    def weight(head: nn.Module, inputs: tuple, outputs: Any) -> Any:
        of_rows = images.pop() if images else torch.empty(0)  # of this call alone
        return branch.replace(outputs, lambda rows: weights.weight_rows(branch.name, rows, of_rows))

    return [extractor.register_forward_pre_hook(note, with_kwargs=True), branch.head.register_forward_hook(weight)]


def _attach_queries(branch: Branch, weights: BatchWeights) -> list[RemovableHandle]:
    """A DETR's head stacks the decoder's layers before the images; its branches also serve the encoder's tokens."""
    head: Any = branch.head
    inside = []

    def enter(head: nn.Module, inputs: tuple) -> None:
        inside.append(True)

    def weight(head: nn.Module, inputs: tuple, outputs: tuple) -> tuple:
        inside.clear()
        return branch.replace(outputs, lambda layers: weights.weight_images(branch.name, layers, dim=1))

    def weight_encoder(layer: nn.Module, inputs: tuple, outputs: Tensor) -> Tensor:
        if inside:  # shared with the decoder, whose predictions are weighted once they are stacked
            return outputs
        return weights.weight_images(encoder_name(branch.name), outputs)

    handles = [head.register_forward_pre_hook(enter), head.register_forward_hook(weight)]
    if getattr(head, 'as_two_stage', False):
        last = head.num_pred_layer - 1
        layers = [head.cls_branches[last]]
        if not branch.outputs:
            layers.append(head.reg_branches[last])
        handles += [layer.register_forward_hook(weight_encoder) for layer in layers]
    return handles
