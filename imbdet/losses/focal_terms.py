"""Focal loss with a focusing factor for each class, and its form for qualities."""

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional


class FocalTerms(NamedTuple):
    r"""The equalized focal loss (Li et al., CVPR 2022, arXiv 2201.02593).

    .. math:: L = w_j \, \alpha_t (1 - p_t)^{\gamma_j} (-\ln p_t)

    with :math:`\alpha` for positives and :math:`1 - \alpha` for negatives; and, if there are qualities s, its form

    .. math:: L = w_j \, |s - p|^{\gamma_j} \mathrm{BCE}(z, s)

    without :math:`\alpha`. See :class:`imbdet.losses.sigmoid_terms.SigmoidTerms` for the methods.

    Attributes:
        gamma: Focusing factor of each class, shape (K,), at least 0.
        weight: Weight of each class, shape (K,).
        alpha: In [0, 1]; None: no such factors.
    """

    gamma: Tensor
    weight: Tensor
    alpha: float | None = None

    def negatives(self, logits: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        """Take elements as negatives."""
        entropy, score = functional.softplus(logits), logits.sigmoid()
        factor = score.pow(self.gamma) * (self.weight if self.alpha is None else self.weight * (1 - self.alpha))
        derivative = (self.gamma * (1 - score) * entropy + score) * factor
        return entropy * factor, derivative

    def positives(self, logits: Tensor, classes: Tensor, quality: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take the elements of the rows' own classes."""
        gamma, weight = self.gamma[classes], self.weight[classes]
        if quality is None:  # a negative of the opposite logit
            terms = FocalTerms(gamma, weight, None if self.alpha is None else 1 - self.alpha)
            loss, derivative = terms.negatives(-logits, slice(None))
            return loss, -derivative
        entropy, score = functional.softplus(logits) - quality * logits, logits.sigmoid()
        error = score - quality
        factor = error.abs().pow(gamma)
        inner = gamma * error.sign() * error.abs().pow(gamma - 1) * score * (1 - score)  # the factor's derivative
        return weight * factor * entropy, weight * (inner.nan_to_num(0, 0, 0) * entropy + factor * error)
