"""Reducing a loss as mmdet's losses do."""

import torch
from torch import Tensor

REDUCTIONS = ('none', 'mean', 'sum')


def check_reduction(reduction: str) -> str:
    """Return a reduction.

    Raises:
        ValueError: If it is none of mmdet's.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f'reduction must be one of {", ".join(REDUCTIONS)}, got {reduction!r}')
    return reduction


def divisor(reduction: str, num_elements: int, avg_factor: float | Tensor | None) -> float | Tensor:
    """Return what the sum of a loss is divided by.

    Args:
        reduction: ``'mean'`` or ``'sum'``.
        num_elements: Elements of the loss.
        avg_factor: The head's own divisor, such as its positives; None: the elements.

    Raises:
        ValueError: If a sum has a divisor.
    """
    if reduction == 'sum':
        if avg_factor is not None:
            raise ValueError("avg_factor cannot be used with reduction='sum'; use 'mean'")
        return 1.0
    return max(num_elements, 1) if avg_factor is None else avg_factor + torch.finfo(torch.float32).eps
