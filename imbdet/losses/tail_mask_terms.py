"""Negatives of rare classes that are left out: the masks of EQL and DropLoss, on any loss of sigmoids."""

from typing import NamedTuple

import torch
from torch import Tensor

from imbdet.losses.sigmoid_terms import SigmoidTerms


class TailMaskTerms(NamedTuple):
    """Leave out negatives of the classes of the tail.

    Rows of foreground have none of them (equalization loss). Rows of background have all, or each with the probability
    ``kept`` (DropLoss), drawn from torch's generator. See :class:`imbdet.losses.sigmoid_terms.SigmoidTerms` for the methods.

    Attributes:
        terms: The loss.
        tail: The classes of the tail, shape (T,), int64.
        foreground: Rows of foreground, shape (N,), bool.
        kept: Probability, shape (); None: 1.
    """

    terms: SigmoidTerms
    tail: Tensor
    foreground: Tensor
    kept: Tensor | None = None

    def negatives(self, logits: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        """Take elements as negatives."""
        loss, derivative = self.terms.negatives(logits, rows)
        keep = (~self.foreground[rows, None]).to(loss.dtype).expand(-1, len(self.tail))
        if self.kept is not None:
            keep = keep * (torch.rand(keep.shape, device=keep.device) <= self.kept)
        for values in (loss, derivative):
            values[:, self.tail] *= keep
        return loss, derivative

    def positives(self, logits: Tensor, classes: Tensor, quality: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take the elements of the rows' own classes."""
        return self.terms.positives(logits, classes, quality)


def tail_classes(images: Tensor, boxes: Tensor, share: float) -> Tensor:
    """Return the rarest classes that together have at most a share of all boxes.

    Args:
        images: Training images of each class, by which rarity goes, shape (C,).
        boxes: Boxes of each class, shape (C,).
        share: In [0, 1].

    Returns:
        The classes, shape (T,), int64, in ascending order.
    """
    order = images.argsort(stable=True)
    is_tail = boxes[order].cumsum(0) <= share * boxes.sum()
    return order[is_tail].sort().values


def kept_share(labels: Tensor, foreground: Tensor, tail: Tensor) -> Tensor:
    """Return the share of the tail among the foreground of a batch, by which DropLoss keeps negatives of background.

    Args:
        labels: Class of each row, shape (N,).
        foreground: Rows of foreground, shape (N,), bool.
        tail: The classes of the tail, shape (T,).

    Returns:
        The share, shape (), in [0, 1]; without foreground 1.
    """
    num_tail = (torch.isin(labels, tail) & foreground).sum()
    return torch.where(foreground.any(), num_tail / foreground.sum().clamp(min=1), 1.0)
