"""EQLv2: the gradients of positives and negatives of each class are kept in balance."""

import torch
from mmdet.registry import MODELS
from torch import Tensor
from torch.nn import functional

from imbdet.losses.class_targets import ClassTargets
from imbdet.losses.cross_entropy_terms import CrossEntropyTerms
from imbdet.losses.long_tail_loss import LongTailLoss
from imbdet.losses.running_statistics import RunningStatistics
from imbdet.losses.sigmoid_terms import SigmoidLoss, float_dtype

FIRST_RATIO = 100.0
"""Positive over negative gradient before there is any, so that all weights are 1."""


@MODELS.register_module()
class EqualizationLossV2(RunningStatistics, LongTailLoss):
    r"""Weight positives and negatives of a class by the ratio of their gradients so far (Tan et al., CVPR 2021, 2012.08548).

    .. math:: L = \sum_j w_j \mathrm{BCE}(z_j, y_j),\qquad w^-_j = f(g_j) = \frac{1}{1 + e^{-k (g_j - \mu)}},\qquad
        w^+_j = 1 + a (1 - f(g_j))

    where :math:`g_j` is the sum of :math:`w^+_j |p_j - 1|` over all positives of the training so far, over the sum of
    :math:`w^-_j p_j` over all negatives. The sums go over all ranks and advance once in each optimizer step.

    In box heads of R-CNN there is one output for the background, which keeps the weight 1, and a score is
    :math:`\sigma(z_c) (1 - \sigma(z_b))`. Other heads have a sigmoid for each class.

    Args:
        slope: k, above 0; the paper's gamma, whose name would be taken from a focal loss that the config has before.
        mu: Ratio at which negatives weigh 1/2.
        positive_gain: a, the most that positives gain in weight, at least 0; the paper's alpha.
        use_sigmoid: Must be true.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an argument is out of range.

    Examples:
        >>> bbox_head = dict(loss_cls=dict(_delete_=True, type='EqualizationLossV2'))
    """

    corrects_prior = True
    has_background = True

    def __init__(self,
                 slope: float = 12.0,
                 mu: float = 0.8,
                 positive_gain: float = 4.0,
                 use_sigmoid: bool = True,
                 reduction: str = 'mean',
                 loss_weight: float = 1.0) -> None:
        super().__init__(use_sigmoid, reduction, loss_weight)
        if slope <= 0:
            raise ValueError(f'slope must be above 0, got {slope}')
        if positive_gain < 0:
            raise ValueError(f'positive_gain must be at least 0, got {positive_gain}')
        self.slope = slope
        self.mu = mu
        self.positive_gain = positive_gain

    def statistics_shape(self, num_classes: int) -> tuple[int, ...]:
        """Sum the gradients of positives and of negatives."""
        return 2, num_classes

    def terms(self, logits: Tensor, targets: ClassTargets) -> CrossEntropyTerms:
        """Return the weighted cross entropy."""
        positive, negative = self.current_statistics(self.classes_of(logits.shape[1]), logits.device)
        ratio = torch.where(positive + negative > 0, positive / (negative + 1e-10), FIRST_RATIO)
        negative_weight = torch.sigmoid(self.slope * (ratio - self.mu))
        positive_weight = 1 + self.positive_gain * (1 - negative_weight)
        rest = logits.shape[1] - len(ratio)  # the background
        dtype = float_dtype(logits)
        return CrossEntropyTerms(positive_weight=functional.pad(positive_weight, (0, rest), value=1).to(dtype),
                                 negative_weight=functional.pad(negative_weight, (0, rest), value=1).to(dtype))

    def after_loss(self, loss: SigmoidLoss, targets: ClassTargets, scale: float | Tensor) -> None:
        """Add up the gradients, as they are before the loss is divided."""
        gradients = torch.stack([loss.positive_gradient, loss.negative_gradient])
        self.note(gradients[:, :self.num_counted])
