"""Layers of detectors: classifiers and box predictors for the long tail, and a backbone from timm."""

from imbdet.layers.cosine_conv import CosineConv2d
from imbdet.layers.cosine_head import cosine_head
from imbdet.layers.cosine_linear import CosineLinear
from imbdet.layers.shared_box_linear import SharedBoxLinear
from imbdet.layers.timm_backbone import TimmBackbone

__all__ = ['CosineConv2d', 'CosineLinear', 'SharedBoxLinear', 'TimmBackbone', 'cosine_head']
