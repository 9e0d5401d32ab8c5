"""The base of losses that leave out negatives of rare classes."""

import torch
from torch import Tensor

from imbdet.classes import ClassCounts
from imbdet.losses.class_targets import ClassTargets
from imbdet.losses.counted_classes import CountedClasses
from imbdet.losses.long_tail_loss import LongTailLoss
from imbdet.losses.sigmoid_terms import SigmoidTerms
from imbdet.losses.tail_mask_terms import TailMaskTerms, kept_share, tail_classes

LVIS_TAIL = 0.063
"""Share of LVIS v1's boxes in its 817 classes of at most 110 images, which are 1.1e-3 of all images."""


class TailMaskedLoss(CountedClasses, LongTailLoss):
    """Leave out negatives of the classes of the tail; see :class:`imbdet.losses.tail_mask_terms.TailMaskTerms`.

    Args:
        tail_share: The rarest classes that together have at most this share of all boxes are the tail, in [0, 1].
        drop_background: Whether negatives of background rows are dropped, too.
        use_sigmoid: Must be true.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an argument is out of range.
    """

    corrects_prior = True

    def __init__(self,
                 tail_share: float = LVIS_TAIL,
                 drop_background: bool = False,
                 use_sigmoid: bool = True,
                 reduction: str = 'mean',
                 loss_weight: float = 1.0) -> None:
        super().__init__(use_sigmoid, reduction, loss_weight)
        if not 0 <= tail_share <= 1:
            raise ValueError(f'tail_share must be in [0, 1], got {tail_share}')
        self.tail_share = tail_share
        self.drop_background = drop_background

    def base_terms(self) -> SigmoidTerms:
        """Return the loss that is masked."""
        raise NotImplementedError

    def set_class_counts(self, counts: ClassCounts) -> None:
        """Take the class counts of the training set, and find the tail."""
        super().set_class_counts(counts)
        self._tail = tail_classes(torch.from_numpy(counts.images), torch.from_numpy(counts.boxes), self.tail_share)

    def terms(self, logits: Tensor, targets: ClassTargets) -> SigmoidTerms:
        """Return the masked loss."""
        self.check_classes(logits.shape[1])
        self._tail = self._tail.to(logits.device)
        foreground = targets.is_foreground(logits.shape[1])
        kept = kept_share(targets.labels, foreground, self._tail) if self.drop_background else None
        return TailMaskTerms(self.base_terms(), self._tail, foreground, kept)
