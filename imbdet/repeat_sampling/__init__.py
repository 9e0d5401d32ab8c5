"""Repeat factor sampling: label counts, repeat factors, and the sampler.

Only the samplers need mmdet; they are imported on first use.
"""

from typing import TYPE_CHECKING

import lazy_loader

from imbdet.data.labels import labels_per_image
from imbdet.repeat_sampling.epoch_thresholds import expected_lengths, threshold_for_length
from imbdet.repeat_sampling.factor_draws import epoch_length, systematic_indices, weighted_indices
from imbdet.repeat_sampling.legacy import LabelCounts, count_labels
from imbdet.repeat_sampling.repeat_factors import (
    category_frequencies,
    category_repeat_factors,
    factors_from_frequencies,
    image_repeat_factors,
    rarest_frequencies,
)
from imbdet.repeat_sampling.repeat_rule import RepeatRule

if TYPE_CHECKING:
    from imbdet.repeat_sampling.multi_source_sampler import MultiSourceRepeatFactorSampler
    from imbdet.repeat_sampling.sampler import RepeatFactorSampler

__getattr__, _, _ = lazy_loader.attach(
    __name__, submod_attrs={'multi_source_sampler': ['MultiSourceRepeatFactorSampler'], 'sampler': ['RepeatFactorSampler']})
__all__ = [
    'LabelCounts', 'MultiSourceRepeatFactorSampler', 'RepeatFactorSampler', 'RepeatRule', 'category_frequencies',
    'category_repeat_factors', 'count_labels', 'epoch_length', 'expected_lengths', 'factors_from_frequencies',
    'image_repeat_factors', 'labels_per_image', 'rarest_frequencies', 'systematic_indices', 'threshold_for_length',
    'weighted_indices'
]
