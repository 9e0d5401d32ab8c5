"""How mmdet's heads classify: the table of all that imbdet knows of them."""

from typing import NamedTuple

from mmdet.models import dense_heads, losses
from mmdet.models.roi_heads import bbox_heads
from torch import nn


class HeadSpec(NamedTuple):
    """How a kind of head decides on foreground.

    Attributes:
        layer: Attribute with the layer whose bias decides: a convolution, a linear layer, or lists of them. Empty: not known.
        loss: Attribute with the loss module that sees the targets of the foreground; None if there is none.
        outputs: Positions of the classification in the tuple that ``forward`` returns; empty if it is not a part of its own.
        predictions: Positions of all that has a loss in that tuple; empty: the whole tuple.
        tensors: Positions of those predictions that are one tensor, with a dimension of images first, in a tuple whose others
            are a list of one for each level.
        has_predictions: Whether it makes predictions, and does not leave that to the heads in it or to the head that it is in.
        objectness: Whether one logit per anchor decides, next to the classes.
        is_joint: Whether its loss takes classes and boxes together, so that neither has a loss of its own.
        is_separable: Whether its losses depend on the predictions alone, and not on parameters that all images share.
        prediction_dependent: Whether the assigner looks at the predictions, so that a prior measured before training is a
            guess.
        explicit_only: Whether a bias is set only if the user names the head.
        is_product: Whether several outputs multiply to the probability of a class, so that no single bias sets it.
        class_layer: Attribute with the layer that gives the class logits where it is not ``layer``.
    """

    layer: str
    loss: str | None = 'loss_cls'
    outputs: tuple[int, ...] = (0, )
    predictions: tuple[int, ...] = ()
    tensors: tuple[int, ...] = ()
    has_predictions: bool = True
    objectness: bool = False
    is_joint: bool = False
    is_separable: bool = True
    prediction_dependent: bool = False
    explicit_only: bool = False
    is_product: bool = False
    class_layer: str = ''


UNKNOWN = HeadSpec('')
RPN_HEADS = (dense_heads.RPNHead, dense_heads.GARPNHead)
"""Heads of region proposals, of one class; mmdet does not derive that of guided anchors from the other."""

HEAD_SPECS: dict[type[nn.Module], HeadSpec] = {
    dense_heads.RetinaHead: HeadSpec('retina_cls'),
    dense_heads.FSAFHead: HeadSpec('retina_cls', prediction_dependent=True),  # takes the level with the least loss
    dense_heads.FreeAnchorRetinaHead: HeadSpec('retina_cls', loss=None, is_joint=True),
    dense_heads.RetinaSepBNHead: HeadSpec('retina_cls'),
    dense_heads.GARetinaHead: HeadSpec('retina_cls', outputs=(0, 3)),  # its location decides where anchors are
    dense_heads.SABLRetinaHead: HeadSpec('retina_cls'),
    dense_heads.RPNHead: HeadSpec('rpn_cls'),
    dense_heads.GARPNHead: HeadSpec('conv_cls', outputs=(0, 3)),
    dense_heads.CascadeRPNHead: HeadSpec('', loss=None, has_predictions=False),  # its stages are heads
    dense_heads.StageCascadeRPNHead: HeadSpec('rpn_cls', outputs=(1, ), predictions=(1, 2)),  # first come features
    dense_heads.FCOSHead: HeadSpec('conv_cls'),
    dense_heads.AutoAssignHead: HeadSpec('conv_cls', loss=None, is_joint=True, is_separable=False),  # a learned center prior
    dense_heads.FoveaHead: HeadSpec('conv_cls'),
    dense_heads.RepPointsHead: HeadSpec('reppoints_cls_out', is_separable=False),  # a learned scale of its points
    dense_heads.ATSSHead: HeadSpec('atss_cls'),
    dense_heads.DDODHead: HeadSpec('atss_cls', prediction_dependent=True),
    dense_heads.PAAHead: HeadSpec('atss_cls', prediction_dependent=True),
    dense_heads.TOODHead: HeadSpec('', is_product=True, class_layer='tood_cls'),  # the root of classification times alignment
    dense_heads.YOLOFHead: HeadSpec('', is_product=True, class_layer='cls_score'),  # classification times objectness
    dense_heads.VFNetHead: HeadSpec('vfnet_cls'),
    dense_heads.GFLHead: HeadSpec('gfl_cls'),
    dense_heads.RTMDetHead: HeadSpec('rtm_cls', prediction_dependent=True),
    dense_heads.RTMDetInsHead: HeadSpec('rtm_cls', tensors=(3, ), prediction_dependent=True),  # the features of its masks
    dense_heads.YOLACTHead: HeadSpec('conv_cls'),
    dense_heads.SSDHead: HeadSpec('cls_convs', loss=None),
    dense_heads.YOLOV3Head: HeadSpec('convs_pred', loss='loss_conf', outputs=(), objectness=True),
    dense_heads.YOLOXHead: HeadSpec('multi_level_conv_obj', loss='loss_obj', outputs=(0, 2), objectness=True,
                                    prediction_dependent=True, class_layer='multi_level_conv_cls'),
    dense_heads.SOLOHead: HeadSpec('conv_cls', outputs=(1, )),
    dense_heads.DecoupledSOLOHead: HeadSpec('conv_cls', outputs=(2, )),
    dense_heads.SOLOV2Head: HeadSpec('conv_cls', outputs=(1, ), tensors=(2, )),  # the features of its masks
    # Sampling-Free keeps the default bias of RoI heads, where foreground is common: about 1 in 10.
    bbox_heads.BBoxHead: HeadSpec('fc_cls', explicit_only=True),
    bbox_heads.MultiInstanceBBoxHead: HeadSpec('fc_cls', loss=None, is_joint=True, explicit_only=True),
    # Sparse R-CNN's: queries, whose first boxes are parameters, and a loss of boxes has a gradient for these.
    bbox_heads.DIIHead: HeadSpec('fc_cls', tensors=(0, ), is_separable=False, explicit_only=True),
    # A query is no anchor: matching is one to one, and depends on the predictions.
    dense_heads.DETRHead: HeadSpec('fc_cls', loss=None, explicit_only=True),
    dense_heads.DeformableDETRHead: HeadSpec('cls_branches', loss=None, explicit_only=True),
    dense_heads.MaskFormerHead: HeadSpec('cls_embed', loss=None, explicit_only=True),
    losses.DDQAuxLoss: HeadSpec('', has_predictions=False),  # of the head's predictions
}
"""What is known of each class of heads. A head is looked up by its class, then by its bases."""


def head_spec(head: nn.Module) -> HeadSpec:
    """Look up what is known of a head.

    Args:
        head: A module.

    Returns:
        The spec of its class or of the nearest base; one without a layer for a head that is not known.
    """
    return next((HEAD_SPECS[base] for base in type(head).__mro__ if base in HEAD_SPECS), UNKNOWN)
