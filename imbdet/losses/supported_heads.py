"""Which heads a loss of the long tail supports, and why not the others."""

from typing import Any

from mmdet.models import dense_heads, losses
from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmdet.models.losses import QualityFocalLoss
from mmdet.models.roi_heads import bbox_heads
from torch import nn

from imbdet.heads import find_heads
from imbdet.heads.head_specs import RPN_HEADS, UNKNOWN, head_spec
from imbdet.losses.class_weighted import ClassWeighted
from imbdet.losses.counted_classes import CountedClasses

UNSUPPORTED: dict[tuple[type[nn.Module], ...], str] = {
    (*RPN_HEADS, dense_heads.StageCascadeRPNHead): 'region proposals have no classes',
    (dense_heads.GroundingDINOHead, dense_heads.ATSSVLFusionHead): 'its logits are those of words',
    (dense_heads.YOLOV3Head, ): 'it hands the anchors of each image to its loss apart, with a mask',
}
OF_PROBABILITIES = (dense_heads.TOODHead, losses.DDQAuxLoss)
"""Heads that hand probabilities to their loss, of which ClassWeighted weights any."""
REDUCTIONS = {dense_heads.YOLOXHead: 'sum', dense_heads.FSAFHead: 'none'}
"""The reduction that a head counts on."""


def check_heads(detector: nn.Module) -> None:
    """Check that each head is supported by its loss, if that is one of imbdet.

    Args:
        detector: An mmdet detector.

    Raises:
        ValueError: If a head is not.
    """
    for name, head in find_heads(detector).items():
        loss = getattr(head.module, 'loss_cls', None)
        reason = why_not(loss, head.module) if isinstance(loss, CountedClasses) else None
        if reason:
            raise ValueError(f'{type(loss).__name__} does not support {name}, a {type(head.module).__name__}: {reason}')


def why_not(loss: Any, head: nn.Module) -> str | None:
    """Say why a loss does not support a head.

    Args:
        loss: A loss of imbdet.
        head: A head of mmdet.

    Returns:
        The reason; None if it does.
    """
    for kinds, reason in UNSUPPORTED.items():
        if isinstance(head, kinds):
            return reason
    inner = getattr(loss, 'loss', None)
    if isinstance(head, OF_PROBABILITIES) and (not isinstance(loss, ClassWeighted) or isinstance(inner, CountedClasses)):
        return 'it hands probabilities to its loss, not logits'
    spec = head_spec(head)
    if spec.is_joint:
        return 'its loss takes classes and boxes together'
    if isinstance(head, bbox_heads.DIIHead):  # asks a loss for its outputs, and has others
        return 'it has no output for the background' if getattr(loss, 'has_background', False) else _outputs(loss)
    if isinstance(head, bbox_heads.BBoxHead):
        return _box_head(loss, head)
    if isinstance(head, bbox_heads.SABLHead):
        return 'its outputs are those of a softmax' if getattr(loss, 'custom_cls_channels', False) or loss.use_sigmoid else None
    if spec is UNKNOWN:
        return 'it is not known how it calls its loss'
    if isinstance(head, dense_heads.DETRHead):
        return _detr_head(loss, head)
    return _dense_head(loss, head)


def _box_head(loss: Any, head: Any) -> str | None:
    if getattr(loss, 'divided_by_positives', False):
        return 'it divides by the number of all regions, but a focal loss must be divided by that of positives'
    is_custom = getattr(loss, 'custom_cls_channels', False)
    if loss.use_sigmoid and not is_custom:
        return ('a box head has the outputs of a softmax unless its loss says otherwise; inside it use CrossEntropyLoss, '
                'or CrossEntropyCustomLoss for sigmoids')
    expected = loss.get_cls_channels(head.num_classes) if is_custom else head.num_classes + 1
    outputs = len(getattr(head.fc_cls, 'weight', ())) if head.with_cls else expected
    return None if outputs == expected else f'it has {outputs} outputs whatever the loss, which needs {expected}'


def _outputs(loss: Any, takes_sigmoids: bool = True) -> str | None:
    """Say why a loss does not support a head of C logits, or of a softmax with one more, that may take sigmoids itself."""
    if not loss.use_sigmoid and getattr(loss, 'custom_cls_channels', False):
        return 'it has not the outputs of a box head; give it loss=, a loss of sigmoids, and use_sigmoid=True'
    if takes_sigmoids and getattr(loss, 'own_activation', False):
        return 'it takes sigmoids for scores, but this loss has an activation of its own'
    return None


def _detr_head(loss: Any, head: nn.Module) -> str | None:
    if isinstance(getattr(loss, 'loss', None), QualityFocalLoss):
        return 'it computes qualities only for a loss that is itself QualityFocalLoss; use FocalLoss in it'
    if not loss.use_sigmoid and not isinstance(head, dense_heads.DeformableDETRHead):
        return 'its softmax has a weight of the background that it reads from the config of CrossEntropyLoss'
    return _outputs(loss)


def _dense_head(loss: Any, head: Any) -> str | None:
    if not loss.use_sigmoid and isinstance(head, dense_heads.YOLOXHead):
        return 'it always takes sigmoids; write use_sigmoid=True in loss_cls'
    for kind, reduction in REDUCTIONS.items():
        own_loss = loss.loss if isinstance(getattr(loss, 'loss', None), nn.Module) else loss
        if isinstance(head, kind) and getattr(own_loss, 'reduction', reduction) != reduction:
            where = 'loss_cls' if own_loss is loss else 'loss_cls.loss'
            return f"it divides the sum itself; write reduction='{reduction}' in {where}"
    if getattr(head, 'use_sigmoid_cls', loss.use_sigmoid) != loss.use_sigmoid:
        return f'write use_sigmoid={loss.use_sigmoid} in its loss_cls, where the head reads it'
    asks = _asks_for_scores(head)
    if asks and getattr(loss, 'own_activation', False) and head_spec(head).prediction_dependent:
        return 'it assigns by scores, for which it takes sigmoids, but this loss has an activation of its own'
    return _outputs(loss, takes_sigmoids=not asks)


def _asks_for_scores(head: Any) -> bool:
    return isinstance(head, BaseDenseHead) and all(
        getattr(type(head), name) is getattr(BaseDenseHead, name) for name in ('predict_by_feat', '_predict_by_feat_single'))
