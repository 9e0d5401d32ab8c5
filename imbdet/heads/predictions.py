"""The predictions of mmdet's heads, and to which image each of them belongs."""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import torch
from mmdet.models import dense_heads
from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmdet.models.roi_heads import bbox_heads, mask_heads
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from imbdet.heads.head_specs import head_spec

BY_LAYER = (dense_heads.DETRHead, dense_heads.MaskFormerHead)
"""Heads of decoders, whose predictions are those of all layers."""


class ByImage(Protocol):
    """What :func:`attach` calls with predictions whenever a head has made some; what it returns takes their place."""

    def weight_images(self, name: str, predictions: Any, dim: int = 0) -> Any:
        """Take predictions that have a dimension of images: a tensor, or nested lists and tuples of such."""

    def weight_rows(self, name: str, predictions: Any, images: Tensor) -> Any:
        """Take predictions that have a row for each region of interest, whose image is in ``images``, shape (R,)."""


class Predictions(NamedTuple):
    """A head and those of its predictions that are meant.

    Attributes:
        name: Name of the head in the detector.
        head: The head.
        outputs: Positions of the predictions in the tuple that the head's ``forward`` returns; empty: all of them.
        extractor: For a RoI head, the extractor that is called with the regions; else None.
    """

    name: str
    head: nn.Module
    outputs: tuple[int, ...]
    extractor: nn.Module | None = None

    @property
    def names(self) -> list[str]:
        """By what names :func:`attach` calls in each training step."""
        return [self.name, *([encoder_name(self.name)] if getattr(self.head, 'as_two_stage', False) else [])]

    def replace(self, outputs: Any, change: Callable[[int, Any], Any]) -> Any:
        """Return the head's outputs with the predictions changed by the function, which also takes their positions."""
        if isinstance(outputs, Tensor):  # a mask head's
            return change(0, outputs)
        return tuple(change(position, part) if not self.outputs or position in self.outputs else part
                     for position, part in enumerate(outputs))


def encoder_name(head: str) -> str:
    """Name of the predictions by which a two-stage DETR's head classifies the encoder's tokens."""
    return f'{head} (encoder)'


def find_predictions(detector: nn.Module, apply_to: str) -> tuple[list[Predictions], list[str]]:
    """Find the heads of a detector whose predictions can be assigned to images.

    Args:
        detector: An mmdet detector.
        apply_to: ``'cls'``: what classifies; ``'all'``: whatever has a loss.

    Returns:
        The predictions, in the detector's order, and of the other heads concerned the name, the class and why not.
    """
    found, refused = [], []
    for name, module in detector.named_modules():
        if name.rpartition('.')[2].startswith('loss') or not _has_target_loss(module, apply_to):  # a loss may wrap another
            continue
        predictions = _predictions(detector, name, module, apply_to)
        if isinstance(predictions, str):
            refused.append(f'{name} ({type(module).__name__}: {predictions})')
        else:
            found.append(predictions)
    return found, refused


def _has_target_loss(module: nn.Module, apply_to: str) -> bool:
    losses = [name for name, _ in module.named_children() if name.startswith('loss')]
    if not head_spec(module).has_predictions:
        return False
    if apply_to == 'all':
        return bool(losses) or isinstance(module, BaseDenseHead)  # SSD's loss is no module
    if not getattr(module, 'with_cls', True):  # SABL's box heads, and the first stage of Cascade RPN
        return False
    return 'loss_cls' in losses or isinstance(module, (BaseDenseHead, bbox_heads.BBoxHead))


def _predictions(detector: nn.Module, name: str, head: nn.Module, apply_to: str) -> Predictions | str:
    """Return the predictions of a head, or why they cannot be assigned to images."""
    spec = head_spec(head)
    if apply_to == 'all' and not spec.is_separable:
        return 'its losses have parameters that all images share'
    if apply_to == 'cls' and spec.is_joint:
        return 'its loss takes classes and boxes together' + ("; choose apply_to='all'" if spec.is_separable else '')
    outputs = spec.outputs if apply_to == 'cls' else spec.predictions
    if isinstance(head, BY_LAYER):
        return Predictions(name, head, outputs)
    if (isinstance(head, bbox_heads.BBoxHead) and not spec.tensors) or type(head) is mask_heads.FCNMaskHead:
        extractor = _extractor(detector, name)
        return 'it has no RoI extractor of its own' if extractor is None else Predictions(name, head, outputs, extractor)
    if not isinstance(head, (BaseDenseHead, dense_heads.SOLOHead, bbox_heads.DIIHead)):
        return 'it is not known to which image each of its predictions belongs'
    if apply_to == 'cls' and not outputs:
        return "its classification is in one tensor with the boxes; choose apply_to='all'"
    if apply_to == 'cls' and not spec.layer and not hasattr(head, 'loss_cls'):
        return "it is not known which of its predictions classify; choose apply_to='all'"
    return Predictions(name, head, outputs)


def _extractor(detector: nn.Module, head: str) -> nn.Module | None:
    """Find the RoI extractor next to a head: of roi_head.bbox_head.0 it is roi_head.bbox_roi_extractor.0."""
    try:
        return detector.get_submodule(re.sub(r'_head(\.\d+)?$', r'_roi_extractor\1', head))
    except AttributeError:
        return None


def attach(predictions: Predictions, by_image: ByImage) -> Iterator[RemovableHandle]:
    """Hook onto a head, so that its predictions are handed over whenever it is called.

    Args:
        predictions: The predictions.
        by_image: To whom.

    Yields:
        Handles that remove the hooks.
    """
    if predictions.extractor is not None:
        yield from _attach_regions(predictions, predictions.extractor, by_image)
        return
    if isinstance(predictions.head, BY_LAYER):
        yield from _attach_queries(predictions, by_image)
        return
    tensors = head_spec(predictions.head).tensors

    def hand_over_output(position: int, output: Any) -> Any:
        if isinstance(output, Tensor) and position not in tensors:  # whose first dimension may be that of levels
            raise ValueError(f'{predictions.name} ({type(predictions.head).__name__}) returns a tensor where a list of one for '
                             'each level is expected; this head is not supported')
        return by_image.weight_images(predictions.name, output)

    def hand_over(head: nn.Module, inputs: tuple, outputs: Any) -> Any:
        return predictions.replace(outputs, hand_over_output)

    yield predictions.head.register_forward_hook(hand_over)


def _attach_regions(predictions: Predictions, extractor: nn.Module, by_image: ByImage) -> Iterator[RemovableHandle]:
    """The extractor is called with the regions first, each with the index of its image; the head with their features."""
    images: list[Tensor] = []

    def note(extractor: nn.Module, inputs: tuple, keywords: dict) -> None:
        rois = keywords['rois'] if 'rois' in keywords else inputs[1]
        images[:] = [rois[:, 0].detach()]

    def hand_over(head: nn.Module, inputs: tuple, outputs: Any) -> Any:
        row_images = images.pop() if images else torch.empty(0)  # of this call alone
        return predictions.replace(outputs, lambda _, rows: by_image.weight_rows(predictions.name, rows, row_images))

    yield extractor.register_forward_pre_hook(note, with_kwargs=True)
    yield predictions.head.register_forward_hook(hand_over)


def _attach_queries(predictions: Predictions, by_image: ByImage) -> Iterator[RemovableHandle]:
    """A decoder's head stacks the layers before the images, or lists them; a DETR's branches classify encoder tokens, too."""
    head: Any = predictions.head
    inside = []

    def enter(head: nn.Module, inputs: tuple) -> None:
        inside.append(True)

    def hand_over_layers(_: int, layers: Any) -> Any:
        return by_image.weight_images(predictions.name, layers, dim=1 if isinstance(layers, Tensor) else 0)

    def hand_over(head: nn.Module, inputs: tuple, outputs: tuple) -> tuple:
        inside.clear()
        return predictions.replace(outputs, hand_over_layers)

    def hand_over_encoder(layer: nn.Module, inputs: tuple, outputs: Tensor) -> Tensor:
        if inside:  # shared with the decoder, whose predictions are handed over once they are stacked
            return outputs
        return by_image.weight_images(encoder_name(predictions.name), outputs)

    yield head.register_forward_pre_hook(enter)
    yield head.register_forward_hook(hand_over)
    if getattr(head, 'as_two_stage', False):
        first = head.num_pred_layer - 1  # branches before it are the decoder's; DDQ has another one for its dense queries
        for branches in (head.cls_branches, head.reg_branches) if not predictions.outputs else (head.cls_branches, ):
            for layer in branches[first:]:
                yield layer.register_forward_hook(hand_over_encoder)
