"""Losses of the long tail, for the heads of mmdet. Class counts are brought by ClassCountsHook, never written in a config."""

from imbdet.losses.balanced_softmax_loss import BalancedSoftmaxLoss
from imbdet.losses.class_weighted import ClassWeighted
from imbdet.losses.effective_class_margin_loss import EffectiveClassMarginLoss
from imbdet.losses.equalization_loss import EqualizationLoss
from imbdet.losses.equalization_loss_v2 import EqualizationLossV2
from imbdet.losses.equalized_focal_loss import EqualizedFocalLoss
from imbdet.losses.federated_loss import FederatedLoss
from imbdet.losses.federation_hook import FederationHook
from imbdet.losses.gumbel_loss import GumbelLoss
from imbdet.losses.loss_statistics_hook import LossStatisticsHook
from imbdet.losses.synchronized_seesaw_loss import SynchronizedSeesawLoss

__all__ = [
    'BalancedSoftmaxLoss', 'ClassWeighted', 'EffectiveClassMarginLoss', 'EqualizationLoss', 'EqualizationLossV2',
    'EqualizedFocalLoss', 'FederatedLoss', 'FederationHook', 'GumbelLoss', 'LossStatisticsHook', 'SynchronizedSeesawLoss'
]
