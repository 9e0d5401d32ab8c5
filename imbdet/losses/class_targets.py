"""What the heads of mmdet hand to a classification loss as targets, in one form."""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class ClassTargets(NamedTuple):
    """The target of each of N rows: regions, anchors, points or queries.

    Attributes:
        labels: Class of each row, shape (N,), int64: in [0, C) for foreground, C for background, below 0 to ignore the row.
        quality: What the score of the row's own class should be, shape (N,), in [0, 1]; None: 1.
    """

    labels: Tensor
    quality: Tensor | None = None

    def is_foreground(self, num_classes: int) -> Tensor:
        """Tell for each row whether it shows one of the classes, shape (N,), bool."""
        return (self.labels >= 0) & (self.labels < num_classes)


def read_targets(target: Any, num_outputs: int) -> ClassTargets:
    """Read the targets that a head hands to its loss.

    Args:
        target: One of three forms. Integer labels, shape (N,), as of RetinaNet, FCOS, R-CNN and DETR heads. A pair of such
            labels and of qualities, both of shape (N,), as of GFL, RTMDet and of DINO with a quality loss. Or a score for each
            class, shape (N, K), at most one of a row above 0, as of VFNet and YOLOX: the class of a row is that of its score,
            and a row without score is background.
        num_outputs: Logits K of each row.

    Returns:
        The targets.

    Raises:
        TypeError: If the form is none of these.
        ValueError: If scores are not those of ``num_outputs`` classes.
    """
    if isinstance(target, Tensor) and target.dim() == 1:
        return ClassTargets(_integers(target))
    if isinstance(target, (tuple, list)) and len(target) == 2 and all(part.dim() == 1 for part in target):
        return ClassTargets(_integers(target[0]), target[1])
    if not isinstance(target, Tensor) or target.dim() != 2:
        shapes = getattr(target, 'shape', type(target).__name__)
        raise TypeError('a target must be labels of shape (N,), a pair of labels and qualities, or a score of each class of '
                        f'shape (N, K), got {shapes}')
    if target.shape[1] != num_outputs:
        raise ValueError(f'the target has scores of {target.shape[1]} classes, the prediction of {num_outputs}')
    quality, labels = target.max(dim=1) if len(target) else (target.new_zeros(0), target.new_zeros(0, dtype=torch.int64))
    return ClassTargets(torch.where(quality > 0, labels, num_outputs), quality)


def without_ignored(target: Any, weight: Tensor | None, num_classes: int) -> tuple[Any, Tensor | None]:
    """Make rows with a label below 0, which mmdet's losses of sigmoids do not know, background without weight.

    Args:
        target: As for :func:`read_targets`.
        weight: Weight of each row, shape (N,), or of each element, N K of them in any shape; None: 1.
        num_classes: Number of classes C.

    Returns:
        Target and weight, shape (N,) or (N, K); a score of each class with its weight as they are.
    """
    labels = target[0] if isinstance(target, (tuple, list)) else target
    if labels.dim() != 1:
        return target, weight
    ignored = labels < 0
    labels = labels.masked_fill(ignored, num_classes)
    weight = torch.ones_like(labels, dtype=torch.float32) if weight is None else weight
    if weight.shape != labels.shape:  # FSAF flattens those of elements
        weight = weight.reshape(len(labels), -1) if len(labels) else weight.reshape(0, 1)
    weight = weight.masked_fill(ignored if weight.dim() == 1 else ignored[:, None], 0)
    return ((labels, target[1]) if isinstance(target, (tuple, list)) else labels), weight


def has_weight(weight: Tensor, num_rows: int) -> Tensor:
    """Tell for each row whether any of its elements counts, shape (N,), bool.

    Args:
        weight: Weight of each row, shape (N,), or of each element, N K of them in any shape.
        num_rows: Rows N.
    """
    return (weight.reshape(num_rows, -1 if num_rows else 1) > 0).any(dim=1)


def _integers(labels: Tensor) -> Tensor:
    if labels.is_floating_point():
        raise TypeError(f'labels must be integers, got {labels.dtype}')
    return labels.long()
