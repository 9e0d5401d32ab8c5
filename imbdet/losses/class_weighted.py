"""Class weights for any loss."""

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.losses import QualityFocalLoss
from mmdet.registry import MODELS
from torch import Tensor

from imbdet.losses.class_targets import read_targets
from imbdet.losses.class_weights import effective_number_weights, inverse_frequency_weights
from imbdet.losses.wrapped_loss import WrappedLoss

WITHOUT_WEIGHTS = ('GHMC', 'EQLV2Loss')
"""Losses of mmdet that take weights and do not multiply by them, by the name of the class."""
METHODS = ('inverse_frequency', 'effective_number')


@MODELS.register_module()
class ClassWeighted(WrappedLoss):
    """Weight the rows of a loss by how rare their class is: cross entropy, focal loss, quality focal loss, or any other.

    A row, which is a region, an anchor, a point or a query, gets the weight of its class, times the weight that its head gives
    it; background keeps 1. The weights are computed from the boxes of the training set, with a mean of 1 over them.

    Args:
        loss: Config of the loss; it must take ``weight``.
        weights: ``'inverse_frequency'`` (:func:`imbdet.losses.class_weights.inverse_frequency_weights`),
            ``'effective_number'`` (:func:`imbdet.losses.class_weights.effective_number_weights`), or a weight for each of the C
            classes, in their order, at least 0, taken as they are.
        power: Power of the inverse frequency, at least 0.
        beta: Beta of the effective number, in [0, 1).
        use_sigmoid: As in the config of the loss; dense heads read it here.

    Raises:
        ValueError: If an argument is out of range, ``use_sigmoid`` is not that of the loss, or the loss ignores weights.

    Examples:
        >>> bbox_head = dict(loss_cls=dict(_delete_=True, type='ClassWeighted', use_sigmoid=True, loss=dict(
        ...     type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25)))
    """

    corrects_prior = True

    def __init__(self,
                 loss: dict,
                 weights: str | Sequence[float] = 'inverse_frequency',
                 power: float = 0.5,
                 beta: float = 0.999,
                 use_sigmoid: bool = False) -> None:
        super().__init__(loss, use_sigmoid)
        if type(self.loss).__name__ in WITHOUT_WEIGHTS:
            raise ValueError(f'ClassWeighted: {type(self.loss).__name__} does not multiply by its weights; choose another loss')
        if isinstance(weights, str):
            if weights not in METHODS:
                raise ValueError(f'weights must be one of {", ".join(METHODS)}, or a weight for each class, got {weights!r}')
        elif not weights or min(weights) < 0:
            raise ValueError(f'weights must be at least 0, one for each class, got {list(weights)}')
        if power < 0:
            raise ValueError(f'power must be at least 0, got {power}')
        if not 0 <= beta < 1:
            raise ValueError(f'beta must be in [0, 1), got {beta}')
        self.weights = weights if isinstance(weights, str) else tuple(weights)
        self.power = power
        self.beta = beta

    def classes_of(self, num_outputs: int) -> int:
        """Return the classes C of a head with K outputs, which may be one or two more."""
        return self.num_counted if 0 <= num_outputs - self.num_counted <= 2 else num_outputs

    def class_weights(self, num_classes: int, device: torch.device) -> Tensor:
        """Return the weight of each class, and 1 for the background, shape (C + 1,), float64.

        Args:
            num_classes: Classes C of the head.
            device: Where they shall be.

        Raises:
            ValueError: If weights or counts are of another number of classes.
        """
        boxes = self.class_counts('boxes', num_classes, device)
        if self.weights == 'inverse_frequency':
            weights = inverse_frequency_weights(boxes, self.power)
        elif self.weights == 'effective_number':
            weights = effective_number_weights(boxes, self.beta)
        else:
            weights = boxes.new_tensor(self.weights)
            if len(weights) != num_classes:
                raise ValueError(f'ClassWeighted: weights has {len(weights)} values, the head {num_classes} classes')
        return torch.cat([weights, weights.new_ones(1)])

    def changed(self, pred: Tensor, target: Any, weight: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the predictions, and the weights of rows times those of their classes."""
        labels = read_targets(target, pred.shape[1]).labels
        own = self.class_weights(self.classes_of(pred.shape[1]), pred.device)[labels].to(pred.dtype)
        if weight is not None:
            own = own * weight if weight.dim() == 1 else own[:, None] * weight.reshape(len(own), -1)
        if own.dim() == 1 and isinstance(target, Tensor) and target.dim() == 2 and not isinstance(self.loss, QualityFocalLoss):
            own = own[:, None].expand_as(pred)  # a score for each class has a weight for each
        return pred, own
