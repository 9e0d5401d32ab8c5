"""Repeat factor sampling: label counts, repeat factors, sampler."""

from imbdet.repeat_sampling.label_counts import LabelCounts, count_labels, labels_per_image
from imbdet.repeat_sampling.repeat_factors import (
    category_repeat_factors,
    epoch_length,
    image_repeat_factors,
    systematic_indices,
    weighted_indices,
)
from imbdet.repeat_sampling.sampler import RepeatFactorSampler

__all__ = [
    'LabelCounts', 'RepeatFactorSampler', 'category_repeat_factors', 'count_labels', 'epoch_length',
    'image_repeat_factors', 'labels_per_image', 'systematic_indices', 'weighted_indices'
]
