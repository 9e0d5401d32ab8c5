"""The one map of mmdet's heads: which layers classify, by which loss, with a background or without, and how losses pair."""

from imbdet.heads.class_layers import ClassLayer, find_class_layers
from imbdet.heads.find_heads import ClassificationHead, find_heads
from imbdet.heads.head_specs import HEAD_SPECS, HeadSpec, head_spec
from imbdet.heads.loss_pairs import match_all, match_pairs, unpaired
from imbdet.heads.predictions import Predictions, find_predictions

__all__ = [
    'HEAD_SPECS', 'ClassLayer', 'ClassificationHead', 'HeadSpec', 'Predictions', 'find_class_layers', 'find_heads',
    'find_predictions', 'head_spec', 'match_all', 'match_pairs', 'unpaired'
]
