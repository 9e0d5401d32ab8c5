"""Dense heads and DETR heads with a cosine classifier."""

from typing import Any

from mmcv.cnn import Linear
from mmdet.models.dense_heads import YOLOV3Head
from mmdet.models.roi_heads.bbox_heads import BBoxHead, DIIHead, DoubleConvFCBBoxHead
from mmdet.registry import MODELS
from torch import nn

from imbdet.heads import head_spec
from imbdet.heads.find_heads import last_layers
from imbdet.layers.cosine_conv import CosineConv2d
from imbdet.layers.cosine_linear import CosineLinear


@MODELS.register_module('CosineHead')
def cosine_head(head: str, temperature: float = 20.0, learn_temperature: bool = False, **keys: Any) -> nn.Module:
    """Build a head of mmdet whose last layers of the classification are cosine classifiers.

    The head is mmdet's own, with all its settings; only the layers that give its class logits compute cosines, see
    :class:`imbdet.layers.CosineConv2d` and :class:`imbdet.layers.CosineLinear`. Their parameters have the names that they had,
    and the bias starts as the head sets it. A config keeps all keys of its head, and names it in ``head``:
    ``bbox_head=dict(type='CosineHead', head='RetinaHead')``.

    Args:
        head: Type of the head.
        temperature: Temperature at first, above 0.
        learn_temperature: Whether the temperature is a parameter.
        **keys: Settings of the head.

    Returns:
        The head.

    Raises:
        ValueError: If it is a box head, which takes ``cls_predictor_cfg``, or it is not known which layers give its logits.
    """
    built = MODELS.build(dict(type=head, **keys))
    if isinstance(built, BBoxHead) and not isinstance(built, (DIIHead, DoubleConvFCBBoxHead)):
        raise ValueError(f"CosineHead: {head} is a box head; write cls_predictor_cfg=dict(type='CosineLinear') in it")
    spec = head_spec(built)
    attribute = spec.class_layer or spec.layer
    layers = dict(last_layers(getattr(built, attribute, None), attribute)) if attribute else {}
    if not layers or isinstance(built, YOLOV3Head):
        raise ValueError(f'CosineHead: of {head} it is not known which layers give the class logits, and those alone')
    cosine = {layer: _cosine_layer(name, layer, temperature, learn_temperature) for name, layer in layers.items()}
    for module in list(built.modules()):
        for name, child in module._modules.items():  # named_children() leaves out a layer that branches share
            if child in cosine:
                setattr(module, name, cosine[child])
    built.register_forward_pre_hook(_before)
    built.register_forward_hook(_after, always_call=True)
    return built


def _before(head: nn.Module, inputs: tuple) -> None:
    """All levels of a head share its last convolution, whose weights may be more than the features."""
    for layer in head.modules():
        if isinstance(layer, CosineConv2d):
            layer.keep_directions()


def _after(head: nn.Module, inputs: tuple, outputs: Any) -> None:
    for layer in head.modules():
        if isinstance(layer, CosineConv2d):
            layer.let_go()


def _cosine_layer(name: str, layer: nn.Module, temperature: float, learn_temperature: bool) -> nn.Module:
    """Return a cosine classifier with the parameters of a layer."""
    cosine: CosineConv2d | CosineLinear
    settings: dict[str, Any] = {'temperature': temperature, 'learn_temperature': learn_temperature}
    if type(layer) is nn.Conv2d:
        cosine = CosineConv2d(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding,
                              layer.dilation, layer.groups, padding_mode=layer.padding_mode, **settings)
    elif isinstance(layer, nn.Linear) and type(layer) in (nn.Linear, Linear):
        cosine = CosineLinear(layer.in_features, layer.out_features, **settings)
    else:
        raise ValueError(f'CosineHead: {name} is a {type(layer).__name__}; it can replace a convolution or a linear layer')
    cosine.weight, cosine.bias = layer.weight, layer.bias
    return cosine
