"""Binary cross entropy of shifted logits with weights: most losses of the long tail are one."""

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional


class CrossEntropyTerms(NamedTuple):
    r"""The loss of each row r and class j.

    .. math:: w_j \, \mathrm{BCE}(s z_{rj} + m_{rj}, y_{rj})

    with weights and shifts of classes; the shifts of negatives may be left out in some rows. See
    :class:`imbdet.losses.sigmoid_terms.SigmoidTerms` for the methods.

    Attributes:
        scale: s.
        shift: Shift m of each class, shape (K,); None: 0.
        shifted_rows: Rows whose negatives are shifted too, shape (N,), bool; None: all.
        positive_weight: Weight of each class's positives, shape (K,); None: 1.
        negative_weight: Weight of each class's negatives, shape (K,); None: 1.
    """

    scale: float = 1.0
    shift: Tensor | None = None
    shifted_rows: Tensor | None = None
    positive_weight: Tensor | None = None
    negative_weight: Tensor | None = None

    def negatives(self, logits: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        """Take elements as negatives."""
        shift = self.shift
        if shift is not None and self.shifted_rows is not None:
            shift = self.shifted_rows[rows, None] * shift
        logits = self._shifted(logits, shift)
        loss, derivative = functional.softplus(logits), logits.sigmoid()
        if self.scale != 1:
            derivative *= self.scale
        if self.negative_weight is not None:
            loss *= self.negative_weight
            derivative *= self.negative_weight
        return loss, derivative

    def positives(self, logits: Tensor, classes: Tensor, quality: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take the elements of the rows' own classes."""
        logits = self._shifted(logits, None if self.shift is None else self.shift[classes])
        target = 1.0 if quality is None else quality
        weight = 1.0 if self.positive_weight is None else self.positive_weight[classes]
        # -(1 - sigmoid) is exact where the sigmoid rounds to 1.
        derivative = -(-logits).sigmoid() if quality is None else logits.sigmoid() - target
        loss = functional.softplus(-logits) if quality is None else functional.softplus(logits) - target * logits
        return loss * weight, derivative * weight * self.scale

    def _shifted(self, logits: Tensor, shift: Tensor | None) -> Tensor:
        if self.scale != 1:
            logits = logits * self.scale
        return logits if shift is None else logits + shift
