"""The foreground prior, the bias that follows from it, and counting foreground in the targets of a loss."""

import math

import numpy as np
import torch
from torch import Tensor


def foreground_prior(num_foreground: int, num_anchors: int, num_classes: int) -> float:
    r"""Probability that an anchor is an object of one given class, all classes alike.

    .. math:: \pi = N_f / (N C)

    after arXiv 1909.04868, section on optimal bias initialization.

    Args:
        num_foreground: Anchors (or points, or RoIs) that are assigned to an object, N_f, at least 1.
        num_anchors: Anchors that are not ignored, N, more than ``num_foreground``.
        num_classes: Classes C, without background; 1 for an RPN or an objectness.

    Returns:
        The prior, in (0, 1 / C).

    Raises:
        ValueError: If there is no foreground, or no background, or no class.
    """
    if not 0 < num_foreground < num_anchors or num_classes < 1:
        raise ValueError(f'a foreground prior needs foreground and background, got {num_foreground} foreground anchors '
                         f'of {num_anchors} and {num_classes} classes')
    return num_foreground / (num_anchors * num_classes)


def check_prior(prior: float) -> None:
    """Raise if a number cannot be a foreground prior.

    Args:
        prior: The number.

    Raises:
        ValueError: If it is not in (0, 1).
    """
    if not 0 < prior < 1:
        raise ValueError(f'a foreground prior must be in (0, 1), got {prior}')


def class_priors(prior: float, instance_counts: np.ndarray) -> np.ndarray:
    r"""Probability that an anchor is an object of class j, by how often classes occur.

    .. math:: \pi_j = \frac{N_f}{N} \cdot \frac{N_j}{\sum_j N_j} = C \pi \frac{N_j}{\sum_j N_j}

    For classes equally frequent it is the foreground prior itself. arXiv 1909.04868 has it as a score threshold.

    Args:
        prior: Foreground prior of one class, :math:`\pi = N_f / (N C)`, in (0, 1).
        instance_counts: Training boxes of each class, N_j, shape (C,), at least one of them above 0.

    Returns:
        The priors, shape (C,), float64. A class without boxes gets the least of the others.

    Raises:
        ValueError: If the prior is out of range or there are no boxes.
    """
    check_prior(prior)
    counts = np.asarray(instance_counts, dtype=np.float64)
    if not counts.any():
        raise ValueError('priors and thresholds by class need training boxes; no class has any')
    priors = prior * len(counts) * counts / counts.sum()
    priors[counts == 0] = priors[counts > 0].min()
    return priors


def optimal_bias(prior: float) -> float:
    r"""Bias of a sigmoid classifier that gives every class the prior's probability.

    .. math:: b = -\log((1 - \pi) / \pi)

    It minimises the initial cross entropy over all anchors (arXiv 1909.04868).

    Args:
        prior: Foreground prior, in (0, 1).

    Returns:
        The bias b.

    Raises:
        ValueError: If the prior is not in (0, 1).
    """
    check_prior(prior)
    return math.log(prior) - math.log1p(-prior)


def optimal_softmax_bias(prior: float, num_classes: int) -> float:
    r"""Bias of each class above the background's, for a softmax over the classes and a background.

    .. math:: b_{fg} - b_{bg} = -\log(C (N / N_f - 1)) = -\log(1 / \pi - C)

    Our derivation, for uniform classes: softmax then gives each class :math:`\pi` and the background
    :math:`1 - C \pi`.

    Args:
        prior: Foreground prior of one class, in (0, 1 / C).
        num_classes: Classes C, without background.

    Returns:
        The difference of the biases.

    Raises:
        ValueError: If the prior is not in (0, 1 / C).
    """
    if not 0 < prior < 1 / num_classes:
        raise ValueError(f'a foreground prior of one of {num_classes} softmax classes must be in (0, {1 / num_classes:g}), '
                         f'got {prior}')
    return -math.log(1 / prior - num_classes)


def count_foreground(target: Tensor | tuple[Tensor, ...], weight: Tensor | None, num_classes: int,
                     objectness: bool = False) -> tuple[Tensor, Tensor]:
    """Count the foreground anchors and all anchors in the target of a classification loss.

    Anchors with a weight of 0 or a negative label are ignored.

    Args:
        target: What mmdet's heads pass to their losses: labels, shape (N,), integers in [0, C] with C the background; a
            tuple whose first item are such labels (quality focal loss); or target scores, floating, shape (N, C).
            With ``objectness`` one score for each anchor, any shape.
        weight: Weights of the anchors, shape (N,), of the target scores, shape (N, C), or None. With ``objectness`` of
            the target's shape.
        num_classes: Classes C, without background.
        objectness: Whether the target is one score for each anchor.

    Returns:
        Foreground anchors and all anchors, two int64 tensors of shape () on the target's device.
    """
    if isinstance(target, tuple | list):
        target = target[0]
    if objectness:
        counted, foreground = torch.ones_like(target, dtype=torch.bool), target > 0
    elif target.is_floating_point():
        counted, foreground = torch.ones_like(target[:, 0], dtype=torch.bool), (target > 0).any(dim=1)
    else:
        counted, foreground = target >= 0, (target >= 0) & (target < num_classes)
    if weight is not None:
        counted = counted & (weight > 0 if weight.shape == counted.shape else (weight > 0).any(dim=-1))
    return (foreground & counted).sum(), counted.sum()
