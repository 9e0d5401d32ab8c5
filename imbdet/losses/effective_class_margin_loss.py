"""ECM: margins between positives and negatives that maximize the average precision of each class."""

import torch
from mmdet.registry import MODELS
from torch import Tensor

from imbdet.losses.class_targets import ClassTargets
from imbdet.losses.cross_entropy_terms import CrossEntropyTerms
from imbdet.losses.effective_class_margin import effective_margins
from imbdet.losses.long_tail_loss import LongTailLoss
from imbdet.losses.running_statistics import RunningStatistics
from imbdet.losses.sigmoid_terms import SigmoidLoss, float_dtype


@MODELS.register_module()
class EffectiveClassMarginLoss(RunningStatistics, LongTailLoss):
    r"""Give each class the margin that its frequency asks for.

    .. math:: L = \sum_c w_c \, \mathrm{BCE}(2 z_c + m_c, y_c),\qquad m_c = \tfrac{1}{4} \ln \frac{n_c}{N - n_c}

    with the boxes n_c of a class, N of them together with the background, and w_c near 1 for rare classes (Cho and
    Kraehenbuehl, ECCV 2022; see :func:`imbdet.losses.effective_class_margin.effective_margins`). The share of background is
    measured: from step to step over all rows and ranks so far, where the authors have 6.3313, of Mask R-CNN on LVIS.

    In box heads of R-CNN there is one output for the background, and a score is :math:`\sigma(z_c) (1 - \sigma(z_b))`. Other
    heads have a sigmoid for each class and none for the background; that is ours, the paper has box heads.

    Args:
        use_sigmoid: Must be true.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
        loss_weight: Factor of the loss.

    Examples:
        >>> bbox_head = dict(loss_cls=dict(_delete_=True, type='EffectiveClassMarginLoss'))
    """

    corrects_prior = True
    has_background = True

    def statistics_shape(self, num_classes: int) -> tuple[int, ...]:
        """Count rows of foreground and of background."""
        return (2, )

    def terms(self, logits: Tensor, targets: ClassTargets) -> CrossEntropyTerms:
        """Return the shifted and weighted cross entropy."""
        num_classes = self.classes_of(logits.shape[1])
        seen = self.current_statistics(num_classes, logits.device)
        seen = torch.where(seen.sum() > 0, seen, count_rows(targets, num_classes))  # of the first step its own
        margins = effective_margins(self.class_counts('boxes', num_classes, logits.device), seen[1] / seen[0].clamp(min=1))
        shift, weight = (values[:logits.shape[1]].to(float_dtype(logits)) for values in margins)
        return CrossEntropyTerms(2.0, shift, positive_weight=weight, negative_weight=weight)

    def after_loss(self, loss: SigmoidLoss, targets: ClassTargets, scale: float | Tensor) -> None:
        """Count the rows."""
        self.note(count_rows(targets, self.num_counted))


def count_rows(targets: ClassTargets, num_classes: int) -> Tensor:
    """Count the rows of foreground and of background, shape (2,), float64."""
    foreground = targets.is_foreground(num_classes).sum()
    return torch.stack([foreground, (targets.labels >= num_classes).sum()]).double()
