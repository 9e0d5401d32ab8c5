"""EQL: rare classes are not pushed down by the objects of other classes."""

from mmdet.registry import MODELS

from imbdet.losses.cross_entropy_terms import CrossEntropyTerms
from imbdet.losses.sigmoid_terms import SigmoidTerms
from imbdet.losses.tail_masked_loss import TailMaskedLoss


@MODELS.register_module()
class EqualizationLoss(TailMaskedLoss):
    r"""Leave out what pushes rare classes down in rows of foreground (Tan et al., CVPR 2020, arXiv 2003.05176).

    .. math:: L = \sum_j (1 - E(r) T_j (1 - y_j)) \, \mathrm{BCE}(z_j, y_j)

    with E = 1 for rows of foreground and T = 1 for classes of the tail. The paper takes as tail the classes in fewer than
    1.1e-3 of LVIS v1's images. These have 6.3 % of its boxes, which is the default for all data sets; a share of images would
    leave small ones without a tail.

    ``drop_background`` adds DropLoss (Hsieh et al., AAAI 2021, arXiv 2104.06402): in rows of background, each negative of the
    tail is kept with a probability that is the share of the tail among the rows of foreground that the loss is called with.

    Args:
        tail_share: The rarest classes that together have at most this share of all boxes are the tail, in [0, 1].
        drop_background: Whether negatives of background rows are dropped, too.
        use_sigmoid: Must be true.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an argument is out of range.

    Examples:
        >>> bbox_head = dict(loss_cls=dict(_delete_=True, type='EqualizationLoss', drop_background=True))
    """

    def base_terms(self) -> SigmoidTerms:
        """Return the cross entropy."""
        return CrossEntropyTerms()
