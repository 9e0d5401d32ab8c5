"""Cross entropy of a Gumbel activation, in a form that neither overflows nor loses its gradient."""

import math

from torch import Tensor

LOWEST = -4.0
"""Logit below which the loss of positives goes on as its tangent: its derivative there, exp(4), is large enough."""
VANISHING = -6.0
"""Logit below which 1 - p is 1 in double precision too."""
LINEAR = 80.0
"""Logit above which the loss of negatives is the logit, and e^-z is not far from what float32 can hold."""


def gumbel_scores(logits: Tensor) -> Tensor:
    r"""Return :math:`p = \exp(-e^{-z})`, in [0, 1], of the shape and dtype of the logits."""
    return (-(-logits).exp()).exp()


class GumbelTerms:
    r"""Cross entropy of :math:`p = \exp(-e^{-z})` (Alexandridis et al., ECCV 2022).

    .. math:: -\ln p = e^{-z},\qquad -\ln(1 - p) = -\ln(-\mathrm{expm1}(-e^{-z}))

    The authors clamp logits to [-4, 10], which leaves positives below -4 without a gradient, and take logarithms of
    probabilities, which half precision cannot. Here positives below -4 go on along the tangent, and negatives above 10 as they
    are; within [-4, 10] both are the same. See :class:`imbdet.losses.sigmoid_terms.SigmoidTerms` for
    the methods.
    """

    def negatives(self, logits: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        """Take elements as negatives."""
        clamped = logits.clamp(VANISHING, LINEAR)
        inverse = clamped.neg().exp_()
        rest = inverse.neg().expm1_().neg_()  # 1 - p
        loss = rest.log().neg_() + (logits - clamped).clamp_(min=0)
        return loss, inverse.mul_(1 - rest).div_(rest)

    def positives(self, logits: Tensor, classes: Tensor, quality: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take the elements of the rows' own classes."""
        inverse = (-logits.clamp(min=LOWEST)).exp()
        below = (LOWEST - logits).clamp(min=0)
        loss, derivative = inverse + below * math.exp(-LOWEST), -inverse
        if quality is None:
            return loss, derivative
        other_loss, other_derivative = self.negatives(logits, slice(None))
        return quality * loss + (1 - quality) * other_loss, quality * derivative + (1 - quality) * other_derivative
