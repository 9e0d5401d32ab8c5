"""EFL: a focal loss whose focus on each class follows the balance of its gradients."""

import torch
from mmdet.registry import MODELS
from torch import Tensor

from imbdet.losses.class_targets import ClassTargets
from imbdet.losses.focal_terms import FocalTerms
from imbdet.losses.long_tail_loss import LongTailLoss
from imbdet.losses.running_statistics import RunningStatistics
from imbdet.losses.sigmoid_terms import SigmoidLoss, float_dtype


@MODELS.register_module()
class EqualizedFocalLoss(RunningStatistics, LongTailLoss):
    r"""Focus on each class by the balance of its gradients so far (Li et al., CVPR 2022, arXiv 2201.02593).

    .. math:: L = \sum_j \frac{\gamma_j}{\gamma} \alpha_t (1 - p_t)^{\gamma_j} (-\ln p_t),\qquad
        \gamma_j = \gamma + s (1 - g_j)

    where :math:`g_j`, in [0, 1], is the sum of the absolute gradients of the loss by the logits of all positives of the
    training so far, over that of all negatives, with the head's divisor (YOLOX divides afterwards); over all ranks, and once
    in each optimizer step. The authors take the gradients from a backward hook on the last layer; here they are computed with
    the loss.

    Where a head has qualities as targets, as GFL, RTMDet and YOLOX, it is the paper's quality form,
    :math:`\frac{\gamma_j}{\gamma} |q - p|^{\gamma_j} \mathrm{BCE}(z, q)`, without :math:`\alpha`. Box heads of R-CNN are
    refused: they divide by all regions, a focal loss is divided by positives.

    Args:
        gamma: Focusing factor of a class in balance, above 0.
        alpha: Factor of positives, in [0, 1]; negatives have :math:`1 - \alpha`.
        scale_factor: What a class without positive gradients gains of focusing, at least 0; 0 is the focal loss.
        use_sigmoid: Must be true. Write it in the config of a dense head, which reads it there.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an argument is out of range.

    Examples:
        >>> bbox_head = dict(loss_cls=dict(_delete_=True, type='EqualizedFocalLoss', use_sigmoid=True))
    """

    corrects_prior = True
    divided_by_positives = True
    """Whether the loss of many easy negatives is small only beside a divisor that counts positives."""

    def __init__(self,
                 gamma: float = 2.0,
                 alpha: float = 0.25,
                 scale_factor: float = 8.0,
                 use_sigmoid: bool = True,
                 reduction: str = 'mean',
                 loss_weight: float = 1.0) -> None:
        super().__init__(use_sigmoid, reduction, loss_weight)
        if gamma <= 0:
            raise ValueError(f'gamma must be above 0, got {gamma}')
        if not 0 <= alpha <= 1:
            raise ValueError(f'alpha must be in [0, 1], got {alpha}')
        if scale_factor < 0:
            raise ValueError(f'scale_factor must be at least 0, got {scale_factor}')
        self.gamma = gamma
        self.alpha = alpha
        self.scale_factor = scale_factor

    def statistics_shape(self, num_classes: int) -> tuple[int, ...]:
        """Sum the gradients of positives and of negatives."""
        return 2, num_classes

    def terms(self, logits: Tensor, targets: ClassTargets) -> FocalTerms:
        """Return the focal loss."""
        positive, negative = self.current_statistics(logits.shape[1], logits.device)
        ratio = torch.where(positive + negative > 0, positive / (negative + 1e-10), 1.0).clamp(max=1)
        gamma = self.gamma + self.scale_factor * (1 - ratio)
        return FocalTerms(gamma.to(float_dtype(logits)), (gamma / self.gamma).to(float_dtype(logits)),
                          self.alpha if targets.quality is None else None)

    def after_loss(self, loss: SigmoidLoss, targets: ClassTargets, scale: float | Tensor) -> None:
        """Add up the gradients, as they are in the head's loss."""
        self.note(torch.stack([loss.positive_gradient, loss.negative_gradient]) * scale)
