"""The base of losses that wrap another one."""

from typing import Any

from mmdet.registry import MODELS
from torch import Tensor, nn

from imbdet.losses.class_targets import without_ignored
from imbdet.losses.counted_classes import CountedClasses
from imbdet.losses.sigmoid_terms import float_dtype

SCORES = ('custom_cls_channels', 'custom_activation', 'custom_accuracy', 'get_cls_channels', 'get_activation', 'get_accuracy',
          'own_activation', 'has_background', 'logit_of', 'scores', 'box_classes')
"""What heads, and imbdet, ask of a loss about outputs and scores, which :attr:`WrappedLoss.answering` answers."""
SETTINGS = ('activated', 'loss_weight', 'reduction', 'class_weight', 'divided_by_positives')
"""What they ask about else, which the wrapped loss answers."""


class WrappedLoss(CountedClasses, nn.Module):
    """Wrap a loss, in the place of which heads find this one. A subclass gives :meth:`changed`.

    Args:
        loss: Config of the loss.
        use_sigmoid: As in that config. Dense heads read it in the outer config to know their number of outputs.

    Raises:
        ValueError: If ``use_sigmoid`` is not that of the loss.
    """

    def __init__(self, loss: dict, use_sigmoid: bool = False) -> None:
        super().__init__()
        self.loss = MODELS.build(loss)
        if bool(getattr(self.loss, 'use_sigmoid', use_sigmoid)) != use_sigmoid:
            raise ValueError(f'{type(self).__name__}: write use_sigmoid={not use_sigmoid} beside loss=, as in the config of '
                             f'{type(self.loss).__name__}, because heads read it there')
        self.use_sigmoid = use_sigmoid

    @property
    def answering(self) -> Any:
        """Who answers what heads ask about outputs and scores."""
        return self.loss

    def __getattr__(self, name: str) -> Any:
        if name in SCORES:
            return getattr(self.answering, name)
        if name in SETTINGS:
            return getattr(self.loss, name)
        return super().__getattr__(name)

    def classes_of(self, num_outputs: int) -> int:
        """Return the classes C of a head with K outputs."""
        raise NotImplementedError

    def changed(self, pred: Tensor, target: Any, weight: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return predictions and weights of which the wrapped loss is to be computed.

        Args:
            pred: Predictions, shape (N, K), float32 at least.
            target: As for :func:`imbdet.losses.class_targets.read_targets`, without ignored rows.
            weight: Weight of each row, shape (N,), or of each element, shape (N, K); None: 1.
        """
        raise NotImplementedError

    def forward(self,
                pred: Tensor,
                target: Any,
                weight: Tensor | None = None,
                avg_factor: float | None = None,
                reduction_override: str | None = None,
                **kwargs: Any) -> Tensor:
        """Compute the loss.

        Args:
            pred: Predictions, shape (N, K).
            target: As for :func:`imbdet.losses.class_targets.read_targets`.
            weight: Weight of each row, shape (N,), or of each element, shape (N, K); None: 1.
            avg_factor: The head's divisor, which stays as it is.
            reduction_override: Takes the place of the loss's ``reduction``.
            **kwargs: More for the loss.

        Returns:
            What the wrapped loss returns.

        Raises:
            RuntimeError: If there are no class counts.
            ValueError: If they are of another number of classes.
        """
        num_classes = self.classes_of(pred.shape[1])
        self.check_classes(num_classes)
        target, weight = without_ignored(target, weight, num_classes)
        pred, weight = self.changed(pred.to(float_dtype(pred)), target, weight)
        return self.loss(pred, target, weight, avg_factor=avg_factor, reduction_override=reduction_override, **kwargs)
