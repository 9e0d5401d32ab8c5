"""The one map of mmdet's heads: which layers classify, by which loss, with a background or without."""

from imbdet.heads.find_heads import ClassificationHead, find_heads
from imbdet.heads.head_specs import HEAD_SPECS, HeadSpec

__all__ = ['HEAD_SPECS', 'ClassificationHead', 'HeadSpec', 'find_heads']
