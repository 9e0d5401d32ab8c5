"""Where mmdet's heads drop low scores, so that thresholds by class can act there."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from mmdet.models import dense_heads
from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmdet.models.dense_heads.base_mask_head import BaseMaskHead
from mmdet.models.detectors.base import BaseDetector
from mmdet.models.roi_heads import bbox_heads
from mmdet.models.roi_heads.base_roi_head import BaseRoIHead
from torch import Tensor, nn

from imbdet.sampling_free.class_thresholds import Layout

Mask = Callable[[Any, tuple, Tensor], tuple]


def mask_boxes(head: nn.Module, outputs: tuple, thresholds: Tensor) -> tuple:
    """Take out of YOLOX's predictions the boxes whose score is not above the threshold of their class.

    The score of a box is its objectness times the probability of its most probable class; YOLOX compares it when the class is
    no longer known.

    Args:
        head: The head.
        outputs: What it returns: for each level the class logits, shape (B, C, H, W), the boxes, and the logit of the
            objectness, shape (B, 1, H, W).
        thresholds: Threshold of each class, shape (C,).

    Returns:
        The outputs, where the objectness of those boxes is 0, which is a logit of minus infinity.
    """
    class_logits, boxes, objectness = outputs
    masked = []
    for logits, logit in zip(class_logits, objectness, strict=True):
        scores, labels = logits.sigmoid().max(1, keepdim=True)
        masked.append(logit.masked_fill(scores * logit.sigmoid() <= thresholds[labels], -torch.inf))
    return class_logits, boxes, masked


def mask_queries(head: Any, outputs: tuple, thresholds: Tensor) -> tuple:
    """Take out of a DETR's predictions the scores that are not above the threshold of their class.

    With a sigmoid, a query may be of several classes. With a softmax it is of the most probable one, and is taken out whole,
    so that the probabilities of other queries stay as they are.

    Args:
        head: The head.
        outputs: What it returns: first the class logits, shape (layers, B, queries, C), or C + 1 for a softmax.
        thresholds: Threshold of each class, shape (C,).

    Returns:
        The outputs, where those probabilities are 0, which is a logit of minus infinity.
    """
    logits, *others = outputs
    if head.loss_cls.use_sigmoid:
        return logits.masked_fill(logits.sigmoid() <= thresholds, -torch.inf), *others
    scores, labels = logits.softmax(-1)[..., :-1].max(-1)
    is_low = (scores <= thresholds[labels])[..., None]
    return torch.cat([logits[..., :-1].masked_fill(is_low, -torch.inf), logits[..., -1:]], -1), *others


SEAMS: dict[type[nn.Module], Layout | Mask | None] = {
    BaseDenseHead: 'rows',  # filter_scores_and_topk
    dense_heads.SOLOHead: 'rows',
    dense_heads.PAAHead: 'flat',  # multiclass_nms
    dense_heads.GuidedAnchorHead: 'flat',
    bbox_heads.BBoxHead: 'flat',
    dense_heads.YOLACTHead: 'columns',  # fast_nms
    dense_heads.YOLOXHead: mask_boxes,
    dense_heads.DETRHead: mask_queries,
    # These compare no score of a class with score_thr.
    dense_heads.CenterNetHead: None,
    dense_heads.CornerHead: None,
    dense_heads.MaskFormerHead: None,
    dense_heads.GroundingDINOHead: None,  # its logits are of words
    bbox_heads.DIIHead: None,
}
"""By class of heads: the layout of the scores that it compares with ``score_thr``, or what masks the outputs of ``forward``."""


class ThresholdedHead(NamedTuple):
    """A head that decides which detections are kept.

    Attributes:
        name: Its name in the detector.
        head: The head.
        config: The ``test_cfg`` that it reads.
        seam: What :data:`SEAMS` has for it.
    """

    name: str
    head: nn.Module
    config: dict
    seam: Layout | Mask


def find_thresholded_heads(detector: nn.Module, num_classes: int) -> Iterator[ThresholdedHead]:
    """Find the heads that decide which detections are kept.

    Args:
        detector: The detector.
        num_classes: Number of classes of the training set.

    Yields:
        The heads, in the detector's order.

    Raises:
        ValueError: If it is not known how a head compares scores with its ``score_thr``, or it has other classes.
    """
    for name, module in detector.named_modules():
        config = getattr(module, 'test_cfg', None)
        if config is None or isinstance(module, BaseDetector) or name.split('.')[-1] == 'rpn_head':
            continue
        if isinstance(module, BaseMaskHead) and not isinstance(module, dense_heads.SOLOHead):
            continue  # it gets the boxes that a box head kept
        head: Any = module
        if isinstance(module, BaseRoIHead):
            name, head = f'{name}.bbox_head', getattr(module, 'bbox_head', None)
            head = head[-1] if isinstance(head, nn.ModuleList) else head
        seam = next((SEAMS[base] for base in type(head).__mro__ if base in SEAMS), None)
        if 'score_thr' not in config and seam is not mask_queries:
            continue
        if seam is None:
            raise ValueError(f'ClassAdaptiveThresholdHook: {name} is a {type(head).__name__}, which is not known to compare '
                             'the score of each class with score_thr, so that no threshold of a class can act before its NMS '
                             'and top-k; remove the hook')
        if head.num_classes != num_classes:
            raise ValueError(f'ClassAdaptiveThresholdHook: {name} has num_classes={head.num_classes}, but the training set has '
                             f'{num_classes} classes')
        yield ThresholdedHead(name, head, config, seam)
