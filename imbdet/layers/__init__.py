"""Layers and backbones that a config names: networks of timm as backbones."""

from imbdet.layers.timm_backbone import TimmBackbone

__all__ = ['TimmBackbone']
