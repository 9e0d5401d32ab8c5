"""The base of losses that leave out negatives of rare classes."""

from torch import Tensor

from imbdet.losses.class_targets import ClassTargets
from imbdet.losses.counted_classes import CountedClasses
from imbdet.losses.long_tail_loss import LongTailLoss
from imbdet.losses.sigmoid_terms import SigmoidTerms
from imbdet.losses.tail_mask_terms import TailMaskTerms, kept_share


class TailMaskedLoss(CountedClasses, LongTailLoss):
    """Leave out negatives of the classes of the tail; see :class:`imbdet.losses.tail_mask_terms.TailMaskTerms`.

    Args:
        tail_images: A class that at most so many training images hold is of the tail, at least 0.
        drop_background: Whether negatives of background rows are dropped, too.
        use_sigmoid: Must be true.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an argument is out of range.
    """

    corrects_prior = True

    def __init__(self,
                 tail_images: int = 100,
                 drop_background: bool = False,
                 use_sigmoid: bool = True,
                 reduction: str = 'mean',
                 loss_weight: float = 1.0) -> None:
        super().__init__(use_sigmoid, reduction, loss_weight)
        if tail_images < 0:
            raise ValueError(f'tail_images must be at least 0, got {tail_images}')
        self.tail_images = tail_images
        self.drop_background = drop_background

    def base_terms(self) -> SigmoidTerms:
        """Return the loss that is masked."""
        raise NotImplementedError

    def terms(self, logits: Tensor, targets: ClassTargets) -> SigmoidTerms:
        """Return the masked loss."""
        num_classes = logits.shape[1]
        tail, = (self.class_counts('images', num_classes, logits.device) <= self.tail_images).nonzero(as_tuple=True)
        kept = kept_share(targets.labels, tail, num_classes) if self.drop_background else None
        return TailMaskTerms(self.base_terms(), tail, targets.is_foreground(num_classes), kept)
