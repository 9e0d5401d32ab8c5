"""The base of the losses of the long tail: what a head asks of its classification loss."""

from typing import Any

import torch
from torch import Tensor, nn

from imbdet.losses.class_targets import ClassTargets, has_weight, read_targets
from imbdet.losses.reduction import check_reduction, divisor
from imbdet.losses.sigmoid_scores import SigmoidScores
from imbdet.losses.sigmoid_terms import SigmoidLoss, SigmoidTerms, sigmoid_loss


class LongTailLoss(SigmoidScores, nn.Module):
    """A classification loss of independent sigmoids, for the heads of mmdet.

    In the box heads of R-CNN it has C outputs, or C + 1 with a background of its own; elsewhere the C outputs of the head. It
    takes every form of targets (see :func:`imbdet.losses.class_targets.read_targets`). Half precision is computed in float32.
    A subclass gives :meth:`terms`.

    Args:
        use_sigmoid: Must be true. Dense heads read it in the config to know their number of outputs.
        reduction: ``'mean'``: the sum over ``avg_factor``, or over all elements without one; ``'sum'``; or ``'none'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an argument is not one of these.
    """

    def __init__(self, use_sigmoid: bool = True, reduction: str = 'mean', loss_weight: float = 1.0) -> None:
        super().__init__()
        if not use_sigmoid:
            raise ValueError(f'{type(self).__name__} is a loss of sigmoids: use_sigmoid must be True')
        self.use_sigmoid = True
        self.reduction = check_reduction(reduction)
        self.loss_weight = loss_weight

    def terms(self, logits: Tensor, targets: ClassTargets) -> SigmoidTerms:
        """Return the loss for some rows.

        Args:
            logits: Shape (N, K), detached.
            targets: Targets of the rows.
        """
        raise NotImplementedError

    def after_loss(self, loss: SigmoidLoss, targets: ClassTargets, scale: float | Tensor) -> None:
        """Take note of a loss that was computed in training; for losses with state.

        Args:
            loss: The loss, not yet divided.
            targets: Targets of its rows.
            scale: By what it is multiplied to be the head's loss.
        """

    def forward(self,
                pred: Tensor,
                target: Any,
                weight: Tensor | None = None,
                avg_factor: float | None = None,
                reduction_override: str | None = None) -> Tensor:
        """Compute the loss.

        Args:
            pred: Logits, shape (N, K).
            target: Labels, labels and qualities, or a score of each class.
            weight: Weight of each row, shape (N,), or of each element, shape (N, K), at least 0; None: 1.
            avg_factor: What the sum is divided by under ``'mean'``.
            reduction_override: Takes the place of ``reduction``.

        Returns:
            The loss, shape (); for ``'none'``, (N, K), of box heads (N,). Without rows it is 0, with a gradient of zeros.

        Raises:
            TypeError: If the target has none of these forms.
            ValueError: If it is of another number of classes, or ``avg_factor`` comes with ``'sum'``.
        """
        reduction = check_reduction(reduction_override or self.reduction)
        targets = _without_unweighted(read_targets(target, pred.shape[1]), weight)
        if reduction == 'none':
            scale: float | Tensor = self.loss_weight
        else:
            scale = self.loss_weight / divisor(reduction, pred.numel(), avg_factor)
        loss = sigmoid_loss(pred, targets, weight, self.terms(pred.detach(), targets), elementwise=reduction == 'none')
        if self.training and torch.is_grad_enabled() and reduction_override != 'none':  # by which heads rank rows
            self.after_loss(loss, targets, scale)
        value = loss.loss * scale
        return value.sum(dim=1) if reduction == 'none' and self.box_classes is not None else value


def _without_unweighted(targets: ClassTargets, weight: Tensor | None) -> ClassTargets:
    """Ignore rows without weight, so that nothing counts them."""
    if weight is None:
        return targets
    return targets._replace(labels=targets.labels.masked_fill(~has_weight(weight, len(targets.labels)), -1))
