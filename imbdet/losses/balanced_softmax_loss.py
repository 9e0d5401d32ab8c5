"""Balanced softmax: the prior of the classes is added in training, so that the network learns what is beyond it."""

import math
from typing import Any

from mmdet.registry import MODELS
from torch import Tensor
from torch.nn import functional

from imbdet.losses.class_targets import ClassTargets, read_targets
from imbdet.losses.counted_classes import CountedClasses
from imbdet.losses.cross_entropy_terms import CrossEntropyTerms
from imbdet.losses.long_tail_loss import LongTailLoss
from imbdet.losses.reduction import check_reduction, divisor
from imbdet.losses.sigmoid_terms import float_dtype


@MODELS.register_module()
class BalancedSoftmaxLoss(CountedClasses, LongTailLoss):
    r"""Add the prior of the classes to the logits in training (Ren et al., NeurIPS 2020, arXiv 2007.10740).

    With a softmax over classes and background,

    .. math:: L = \mathrm{CE}(z + m, y),\qquad m_c = \ln \frac{C n_c}{\sum_k n_k},\qquad m_{bg} = 0

    with the boxes :math:`n_c` of each class; how foreground stands against background is left as it is, so that with equal
    counts this is the plain cross entropy. With sigmoids, as in the authors' detectors,

    .. math:: L = \sum_c \mathrm{BCE}(z_c + [\text{row is foreground}] \ln \tfrac{f_c}{1 - f_c}, y_c)

    with the share :math:`f_c` of training images that hold the class. Scores are those of the logits without the prior.

    Args:
        use_sigmoid: Whether scores are sigmoids. The default is a softmax.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
        loss_weight: Factor of the loss.

    Examples:
        >>> bbox_head = dict(loss_cls=dict(_delete_=True, type='BalancedSoftmaxLoss'))
    """

    corrects_prior = True

    def __init__(self, use_sigmoid: bool = False, reduction: str = 'mean', loss_weight: float = 1.0) -> None:
        super().__init__(True, reduction, loss_weight)
        self.use_sigmoid = use_sigmoid
        self.custom_cls_channels = self.custom_activation = use_sigmoid

    def terms(self, logits: Tensor, targets: ClassTargets) -> CrossEntropyTerms:
        """Return the cross entropy whose logits are shifted in the rows of foreground."""
        num_classes = logits.shape[1]
        images, total = (self.class_counts(kind, num_classes, logits.device) for kind in ('images', 'num_images'))
        shift = images.log() - (total - images).clamp(min=0.5).log()  # of a class in every image, too
        return CrossEntropyTerms(shift=shift.to(float_dtype(logits)), shifted_rows=targets.is_foreground(num_classes))

    def forward(self,
                pred: Tensor,
                target: Any,
                weight: Tensor | None = None,
                avg_factor: float | None = None,
                reduction_override: str | None = None) -> Tensor:
        """Compute the loss; see :meth:`LongTailLoss.forward`. With a softmax, ``'none'`` gives a loss of each row."""
        if self.use_sigmoid:
            return super().forward(pred, target, weight, avg_factor, reduction_override)
        reduction = check_reduction(reduction_override or self.reduction)
        labels = read_targets(target, pred.shape[1]).labels
        num_classes = pred.shape[1] - 1
        boxes = self.class_counts('boxes', num_classes, pred.device)
        shift = boxes.log() - boxes.sum().log() + math.log(num_classes)
        shift = functional.pad(shift, (0, 1)).to(float_dtype(pred))
        loss = functional.cross_entropy(pred.to(shift.dtype) + shift, labels.clamp(min=-1), ignore_index=-1, reduction='none')
        if weight is not None:
            loss = loss * weight
        if reduction != 'none':
            loss = loss.sum() / divisor(reduction, len(loss), avg_factor)
        return loss * self.loss_weight
