"""GOL: the Gumbel activation, whose gradient suits a rare foreground."""

import math

from mmdet.registry import MODELS
from torch import Tensor

from imbdet.losses.gumbel_terms import GumbelTerms, gumbel_scores
from imbdet.losses.sigmoid_terms import SigmoidTerms
from imbdet.losses.tail_masked_loss import LVIS_TAIL, TailMaskedLoss


@MODELS.register_module()
class GumbelLoss(TailMaskedLoss):
    r"""Classify by :math:`p = \exp(-e^{-z})`, with the masks of DropLoss (Alexandridis et al., ECCV 2022).

    See :class:`imbdet.losses.gumbel_terms.GumbelTerms` for the equation, and :class:`imbdet.losses.EqualizationLoss` for the
    masks. At a logit of 0 a score is 0.37, at -2 it is 6e-4: the authors start the bias of ``fc_cls`` at -2. It supports
    heads that ask their loss for scores: R-CNN box heads, and dense heads such as RetinaNet, FCOS and ATSS.

    Args:
        tail_share: The rarest classes that together have at most this share of all boxes are the tail, in [0, 1]; 0 for no
            masks.
        drop_background: Whether negatives of background rows are dropped, too.
        use_sigmoid: Must be true: the head has an output for each class.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an argument is out of range.

    Examples:
        >>> bbox_head = dict(loss_cls=dict(_delete_=True, type='GumbelLoss'))
    """

    own_activation = True

    def __init__(self,
                 tail_share: float = LVIS_TAIL,
                 drop_background: bool = True,
                 use_sigmoid: bool = True,
                 reduction: str = 'mean',
                 loss_weight: float = 1.0) -> None:
        super().__init__(tail_share, drop_background, use_sigmoid, reduction, loss_weight)

    def base_terms(self) -> SigmoidTerms:
        """Return the cross entropy of the Gumbel activation."""
        return GumbelTerms()

    def logit_of(self, score: float) -> float:
        """Return the logit of a score in (0, 1)."""
        return -math.log(-math.log(score))

    def scores(self, logits: Tensor) -> Tensor:
        """Return the score of each output, shape (N, K), in [0, 1]."""
        return gumbel_scores(logits)
