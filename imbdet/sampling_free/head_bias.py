"""The bias that a foreground prior asks for, written into the layers of a head."""

import numpy as np
import torch
from mmdet.models.dense_heads import YOLOV3Head

from imbdet.heads import ClassificationHead
from imbdet.sampling_free.foreground_prior import class_priors, optimal_bias, optimal_softmax_bias


def head_bias(head: ClassificationHead, prior: float, instance_counts: np.ndarray | None = None) -> float | list[float]:
    r"""Return the bias that the prior asks for; for a softmax, above the background's.

    With counts each class has a bias of its own, from :func:`~imbdet.sampling_free.foreground_prior.class_priors`: of a sigmoid
    :math:`-\log((1 - \pi_j) / \pi_j)`, of a softmax :math:`\log(\pi_j / (1 - \sum_j \pi_j))`.

    Args:
        head: The head.
        prior: Foreground prior, in (0, 1 / C).
        instance_counts: Training boxes of each class, shape (C,); None for one bias. A head of one class, such as an RPN, has
            one.

    Raises:
        ValueError: If the prior is out of range, or the counts are of another number of classes.
    """
    # A loss may have other scores than sigmoids.
    sigmoid_bias = getattr(getattr(head.module, 'loss_cls', None), 'logit_of', optimal_bias)
    try:
        if instance_counts is None or head.num_classes == 1:
            return optimal_softmax_bias(prior, head.num_classes) if head.has_background else sigmoid_bias(prior)
        if len(instance_counts) != head.num_classes:
            raise ValueError(f'it has {head.num_classes} classes, the training set {len(instance_counts)}')
        priors = class_priors(prior, instance_counts)
        if not head.has_background:
            return [sigmoid_bias(value) for value in priors]
        if priors.sum() >= 1:
            raise ValueError(f'the classes have a foreground prior of {priors.sum():.3g} together, which leaves no background')
        return (np.log(priors) - np.log1p(-priors.sum())).tolist()
    except ValueError as error:
        raise ValueError(f'{head.name} ({type(head.module).__name__}): {error}') from None


@torch.no_grad()
def set_bias(head: ClassificationHead, prior: float, instance_counts: np.ndarray | None = None) -> float | list[float]:
    """Write the bias that the prior asks for into the layers.

    Args:
        head: The head.
        prior: Foreground prior, in (0, 1 / C).
        instance_counts: Training boxes of each class, shape (C,), for a bias of each class; None for one bias.

    Returns:
        The bias, or one for each class; for a softmax, above the background's.

    Raises:
        ValueError: If the prior is out of range, or a layer has no bias or not the number of outputs that its head's
            classes need.
    """
    value = head_bias(head, prior, instance_counts)
    for name, layer in head.layers.items():
        bias = getattr(layer, 'bias', None)
        if bias is None:
            raise ValueError(f'{name}, a {type(layer).__name__}, has no bias to initialize')
        per_anchor = bias.view(head.num_anchors(len(bias)), -1)
        if isinstance(head.module, YOLOV3Head):  # x, y, w, h, objectness, classes for each anchor
            per_anchor[:, 4] = value
        else:
            per_anchor[:, :head.num_classes] = bias.new_tensor(value)
            per_anchor[:, head.num_classes:] = 0  # the background
    return value
