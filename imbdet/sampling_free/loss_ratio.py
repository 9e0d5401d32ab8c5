"""The weight that brings a classification loss to the magnitude of the regression loss."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


def sum_levels(loss: Tensor | Sequence[Tensor]) -> Tensor:
    """Sum a loss over its levels, as mmengine does when it adds up losses: the mean of each tensor.

    Args:
        loss: A tensor, or a list of tensors, one for each level.

    Returns:
        The sum, shape (), float32, without gradient.
    """
    parts: Iterable[Tensor] = [loss] if isinstance(loss, Tensor) else loss
    return torch.stack([part.detach().float().mean() for part in parts]).sum()


def scale_levels(loss: Tensor | Sequence[Tensor], weight: Tensor) -> Tensor | list[Tensor]:
    """Multiply a loss by a weight, at each of its levels.

    Args:
        loss: A tensor, or a list of tensors, one for each level.
        weight: The weight, shape ().

    Returns:
        The loss, a tensor or a list as it came.
    """
    return loss * weight if isinstance(loss, Tensor) else [part * weight for part in loss]


def usable_ratio(regression: Tensor, classification: Tensor) -> tuple[Tensor, Tensor]:
    """Divide regression by classification losses where that says something.

    Args:
        regression: Regression losses, shape (P,), float32.
        classification: Classification losses, shape (P,).

    Returns:
        The ratios r, shape (P,), 0 where they are not usable; and whether each is, above 0 and finite.
    """
    ratio = regression / classification
    usable = (ratio > 0) & torch.isfinite(ratio)
    return torch.where(usable, ratio, 0), usable


def guided_weight(regression: Tensor, classification: Tensor, average: Tensor, momentum: float | None = None,
                  freeze_after: int | None = None, average_over: int | None = None,
                  last: Tensor | None = None) -> tuple[Tensor, Tensor]:
    r"""Weight of the classification loss, and the average for the next iteration.

    .. math:: r = L_{reg} / L_{cls}

    (arXiv 1909.04868.) The weight is r; with ``momentum`` its moving average. With ``freeze_after`` = K it is r in the first K
    batches with positives and stays that of the K-th from then on; with ``average_over`` = K it stays the mean of the K.
    Without positives, where :math:`L_{reg} = 0`, there is nothing to guide by: the weight is 0, unless frozen, and the average
    stays.

    Args:
        regression: Regression losses summed over levels and ranks, shape (P,), float32, at least 0.
        classification: Classification losses likewise, shape (P,).
        average: Averages of r and how many batches they hold, shape (2, P), float32; zeros at first.
        momentum: Share of the newest r in the average, in (0, 1]; None for none.
        freeze_after: Batches K with positives, at least 1, after which the last weight stays; None for never.
        average_over: Batches K with positives, at least 1, after which their mean weight stays; None for never.
        last: What ``freeze_after`` keeps of this batch, shape (P,). None: r.

    Returns:
        The weights, shape (P,), and the new average, shape (2, P).
    """
    ratio, usable = usable_ratio(regression, classification)
    mean, count = average
    newest, share = ratio, torch.where(count > 0, momentum or 1.0, 1.0)
    batches = freeze_after or average_over
    if freeze_after is not None:
        newest, share = ratio if last is None else last, torch.where(count < freeze_after, 1.0, 0)
    elif average_over is not None:
        share = torch.where(count < average_over, 1 / (count + 1), 0)
    new_mean = torch.where(usable, mean + share * (newest - mean), mean)
    new_average = torch.stack([new_mean, count + usable])
    if batches is not None:
        return torch.where(count < batches, ratio, mean), new_average
    return torch.where(usable, new_mean, 0), new_average
