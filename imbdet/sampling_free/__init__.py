"""Sampling-Free: optimal bias initialization, guided loss scaling, class-adaptive score thresholds."""

from imbdet.heads.loss_pairs import match_pairs
from imbdet.sampling_free.bias_init import OptimalBiasInitHook
from imbdet.sampling_free.class_thresholds import ClassThresholds
from imbdet.sampling_free.foreground_prior import count_foreground, foreground_prior, optimal_bias, optimal_softmax_bias
from imbdet.sampling_free.guided_loss import GuidedLossHook
from imbdet.sampling_free.loss_ratio import guided_weight
from imbdet.sampling_free.positive_mean_loss import PositiveMeanLoss
from imbdet.sampling_free.score_threshold import ClassAdaptiveThresholdHook, class_score_thresholds
from imbdet.sampling_free.uncertainty_weighted import UncertaintyWeighted

__all__ = [
    'ClassAdaptiveThresholdHook', 'ClassThresholds', 'GuidedLossHook', 'OptimalBiasInitHook', 'PositiveMeanLoss',
    'UncertaintyWeighted', 'class_score_thresholds', 'count_foreground', 'foreground_prior', 'guided_weight', 'match_pairs',
    'optimal_bias', 'optimal_softmax_bias'
]
