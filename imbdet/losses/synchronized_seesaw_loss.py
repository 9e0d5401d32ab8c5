"""Seesaw loss with counts of all ranks, for box heads, and for sigmoids."""

from typing import Any

import torch
from mmdet.models.losses import accuracy
from mmdet.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional

from imbdet.losses.class_targets import ClassTargets, has_weight, read_targets, without_ignored
from imbdet.losses.reduction import check_reduction, divisor
from imbdet.losses.running_statistics import RunningStatistics
from imbdet.losses.seesaw_shift import seesaw_shift
from imbdet.losses.sigmoid_terms import float_dtype


@MODELS.register_module()
class SynchronizedSeesawLoss(RunningStatistics, nn.Module):
    r"""Push rarer classes down less, and those that win wrongly more (Wang et al., CVPR 2021, arXiv 2008.10032).

    The logits of other classes are shifted by :math:`\ln S_{ij}`, see :func:`imbdet.losses.seesaw_shift.seesaw_shift`, with
    the rows of each class so far: over all ranks, once in each optimizer step.

    In box heads of R-CNN there are C + 2 outputs, as in mmdet: the cross entropy of a softmax over the classes for rows of
    foreground, and that of two logits for foreground and background; a score is the product of both.

    With ``loss``, a loss of sigmoids such as the focal loss, it supports dense heads, YOLOX and DETRs: their rows of foreground
    get the shifts, and the loss is computed of that. This form is ours.

    Args:
        p: Exponent of the mitigation factor, at least 0.
        q: Exponent of the compensation factor, at least 0.
        eps: Least score of the own class that is divided by, above 0.
        loss: Config of a loss of sigmoids, for heads other than box heads.
        use_sigmoid: Whether there is such a loss; dense heads read it here.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``; with ``loss``, the loss has its own.
        loss_weight: Factor of the loss; with ``loss``, times its own.

    Raises:
        ValueError: If an argument is out of range, or ``use_sigmoid`` does not go with ``loss``.

    Examples:
        >>> bbox_head = dict(loss_cls=dict(_delete_=True, type='SynchronizedSeesawLoss'))
        >>> bbox_head = dict(loss_cls=dict(_delete_=True, type='SynchronizedSeesawLoss', use_sigmoid=True,
        ...                                loss=dict(type='FocalLoss', use_sigmoid=True)))
    """

    corrects_prior = True

    def __init__(self,
                 p: float = 0.8,
                 q: float = 2.0,
                 eps: float = 1e-2,
                 loss: dict | None = None,
                 use_sigmoid: bool = False,
                 reduction: str = 'mean',
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        if p < 0 or q < 0:
            raise ValueError(f'p and q must be at least 0, got {p} and {q}')
        if eps <= 0:
            raise ValueError(f'eps must be above 0, got {eps}')
        self.p = p
        self.q = q
        self.eps = eps
        self.loss = None if loss is None else MODELS.build(loss)
        if use_sigmoid != (loss is not None) or not getattr(self.loss, 'use_sigmoid', True):
            raise ValueError('SynchronizedSeesawLoss: use_sigmoid=True and loss=, a loss of sigmoids, belong together; without '
                             'both it is the softmax of box heads')
        if getattr(self.loss, 'own_activation', False):
            raise ValueError('SynchronizedSeesawLoss compares sigmoids, which are not the scores of '
                             f'{type(self.loss).__name__}')
        self.use_sigmoid = use_sigmoid
        self.reduction = check_reduction(reduction)
        self.loss_weight = loss_weight
        self.custom_cls_channels = self.custom_activation = not use_sigmoid

    def statistics_shape(self, num_classes: int) -> tuple[int, ...]:
        """Count the rows of each class."""
        return (num_classes, )

    def get_cls_channels(self, num_classes: int) -> int:
        """Return the outputs of a box head of C classes: those of the classes, of foreground and of background."""
        return num_classes + 2

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Turn the logits of a box head into scores, shape (N, C + 1), the background last."""
        foreground, background = cls_score[:, -2:].softmax(dim=1).split(1, dim=1)
        return torch.cat([cls_score[:, :-2].softmax(dim=1) * foreground, background], dim=1)

    def get_accuracy(self, cls_score: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the accuracies of foreground against background and of the classes, in percent, to be logged."""
        num_classes = cls_score.shape[1] - 2
        foreground = ClassTargets(labels).is_foreground(num_classes)
        return {'acc_objectness': accuracy(cls_score[:, -2:], (labels == num_classes).long()),
                'acc_classes': accuracy(cls_score[foreground, :num_classes], labels[foreground])}

    def forward(self,
                pred: Tensor,
                target: Any,
                weight: Tensor | None = None,
                avg_factor: float | None = None,
                reduction_override: str | None = None,
                **kwargs: Any) -> Tensor:
        """Compute the loss.

        Args:
            pred: Logits, shape (N, C + 2) of a box head, else (N, C).
            target: As for :func:`imbdet.losses.class_targets.read_targets`.
            weight: Weight of each row, shape (N,), at least 0; None: 1.
            avg_factor: What sums are divided by under ``'mean'``.
            reduction_override: Takes the place of ``reduction``.
            **kwargs: More for the wrapped loss.

        Returns:
            Of a box head the sum of both losses, shape () or, for ``'none'``, (N,); else what the wrapped loss returns.

        Raises:
            ValueError: If the head has another number of classes than the training set.
        """
        num_classes = pred.shape[1] - (0 if self.use_sigmoid else 2)
        samples = self.current_statistics(num_classes, pred.device)
        target, weight = without_ignored(target, weight, num_classes)
        targets = read_targets(target, pred.shape[1])
        rows, = targets.is_foreground(num_classes).nonzero(as_tuple=True)
        labels = targets.labels[rows]
        if self.training and torch.is_grad_enabled() and reduction_override != 'none':  # by which heads rank rows
            counted = labels if weight is None else labels[has_weight(weight[rows], len(rows))]
            self.note(torch.bincount(counted, minlength=num_classes))
        logits = pred.to(float_dtype(pred))
        own_logits = logits[rows, :num_classes]
        with torch.no_grad():
            log_scores = functional.logsigmoid(own_logits) if self.use_sigmoid else own_logits.log_softmax(dim=1)
            shift = seesaw_shift(log_scores, labels, samples, self.p, self.q, self.eps)
        if self.loss is not None:
            return self.loss_weight * self.loss(logits.index_add(0, rows, shift), target, weight, avg_factor=avg_factor,
                                                reduction_override=reduction_override, **kwargs)
        return self._box_loss(logits, targets.labels, rows, own_logits + shift, weight,
                              check_reduction(reduction_override or self.reduction), avg_factor)

    def _box_loss(self, logits: Tensor, labels: Tensor, rows: Tensor, shifted: Tensor, weight: Any, reduction: str,
                  avg_factor: float | None) -> Tensor:
        """Add the losses of classes, in the rows of foreground, and of foreground against background."""
        num_classes = logits.shape[1] - 2
        objectness = functional.cross_entropy(logits[:, num_classes:], (labels >= num_classes).long(), reduction='none')
        classes = functional.cross_entropy(shifted, labels[rows], reduction='none')
        loss = objectness.index_add(0, rows, classes) * weight
        if reduction != 'none':
            loss = loss.sum() / divisor(reduction, len(loss), avg_factor)
        return loss * self.loss_weight
