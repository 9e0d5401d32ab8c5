"""How mmdet's heads classify: the table of all that is known of them."""

from typing import NamedTuple

from mmdet.models import dense_heads
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from torch import nn


class HeadSpec(NamedTuple):
    """How a kind of head decides on foreground.

    Attributes:
        layer: Attribute with the layer whose bias decides: a convolution, a linear layer, or lists of them.
        loss: Attribute with the loss module that sees the foreground's targets; None if the loss is no module.
        objectness: Whether one logit per anchor decides, next to the classes.
        prediction_dependent: Whether the assigner looks at the predictions, so that a prior measured before training is a
            guess.
        explicit_only: Whether a bias is set only if the user names the head.
    """

    layer: str
    loss: str | None = 'loss_cls'
    objectness: bool = False
    prediction_dependent: bool = False
    explicit_only: bool = False


HEAD_SPECS: dict[type[nn.Module], HeadSpec] = {
    dense_heads.RetinaHead: HeadSpec('retina_cls'),
    dense_heads.RPNHead: HeadSpec('rpn_cls'),
    dense_heads.FCOSHead: HeadSpec('conv_cls'),
    dense_heads.ATSSHead: HeadSpec('atss_cls'),
    dense_heads.PAAHead: HeadSpec('atss_cls', prediction_dependent=True),
    dense_heads.GFLHead: HeadSpec('gfl_cls'),
    dense_heads.SSDHead: HeadSpec('cls_convs', loss=None),
    dense_heads.YOLOV3Head: HeadSpec('convs_pred', loss='loss_conf', objectness=True),
    dense_heads.YOLOXHead: HeadSpec('multi_level_conv_obj', loss='loss_obj', objectness=True, prediction_dependent=True),
    # Sampling-Free keeps the default bias of RoI heads, where foreground is common: about 1 in 10.
    BBoxHead: HeadSpec('fc_cls', explicit_only=True),
    # A query is no anchor: matching is one to one, and depends on the predictions.
    dense_heads.DETRHead: HeadSpec('fc_cls', loss=None, explicit_only=True),
    dense_heads.DeformableDETRHead: HeadSpec('cls_branches', loss=None, explicit_only=True),
}
"""What is known of each class of heads. A head is looked up by its class, then by its bases."""
