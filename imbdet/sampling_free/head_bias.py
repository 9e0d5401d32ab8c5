"""The bias that a foreground prior asks for, written into the layers of a head."""

import torch
from mmdet.models.dense_heads import YOLOV3Head

from imbdet.heads import ClassificationHead
from imbdet.sampling_free.foreground_prior import optimal_bias, optimal_softmax_bias


def head_bias(head: ClassificationHead, prior: float) -> float:
    """Return the bias that the prior asks for; for a softmax, above the background's.

    Args:
        head: The head.
        prior: Foreground prior, in (0, 1 / C).

    Raises:
        ValueError: If the prior is out of range.
    """
    try:
        if head.has_background:
            return optimal_softmax_bias(prior, head.num_classes)
        return optimal_bias(prior)
    except ValueError as error:
        raise ValueError(f'{head.name} ({type(head.module).__name__}): {error}') from None


@torch.no_grad()
def set_bias(head: ClassificationHead, prior: float) -> float:
    """Write the bias that the prior asks for into the layers.

    Args:
        head: The head.
        prior: Foreground prior, in (0, 1 / C).

    Returns:
        The bias; for a softmax, above the background's.

    Raises:
        ValueError: If the prior is out of range, or a layer has no bias or not the number of outputs that its head's
            classes need.
    """
    value = head_bias(head, prior)
    for name, layer in head.layers.items():
        bias = getattr(layer, 'bias', None)
        if bias is None:
            raise ValueError(f'{name}, a {type(layer).__name__}, has no bias to initialize')
        if isinstance(head.module, YOLOV3Head):  # x, y, w, h, objectness, classes for each anchor
            bias.view(head.num_anchors(len(bias)), -1)[:, 4] = value
        elif head.has_background:
            per_anchor = bias.view(head.num_anchors(len(bias)), -1)
            per_anchor[:, :-1] = value
            per_anchor[:, -1] = 0
        else:
            bias.fill_(value)
    return value
