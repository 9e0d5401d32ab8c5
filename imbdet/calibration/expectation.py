"""What a calibration can change in a detector's evaluation."""

from collections.abc import Sequence

from imbdet.heads import ClassLayer

FACTORS = 'loss_obj', 'loss_conf', 'loss_centerness'
"""Attributes of heads whose scores are the product of a class probability and another one."""


def expectation(layers: Sequence[ClassLayer], num_classes: int, limit: int | None) -> str:
    """Say what to expect of a shift.

    AP ranks the detections of each class apart. A constant that is added to a class's logits changes no such ranking; it acts
    where classes compete: in a softmax, or for places among a limited number of detections.

    Args:
        layers: Layers that give the class logits.
        num_classes: Number of classes.
        limit: Most detections of an image; None: no limit.

    Returns:
        A sentence.
    """
    softmax = any(layer.head.has_background for layer in layers)
    scarce = limit is not None and limit < num_classes
    places = f'an image has at most {limit} detections for {num_classes} classes, so the shift decides which classes get them'
    if softmax and scarce:
        return f'the classes compete in a softmax, and {places}: a shift can change AP much'
    if scarce:
        return f'{places}: a shift can change AP'
    if softmax:
        return ('the classes compete in a softmax, but not for places among the detections of an image: expect a small '
                'change of AP')
    if any(hasattr(layer.head.module, name) for layer in layers for name in FACTORS):
        return ('each class has a sigmoid of its own, which is multiplied by what all classes share, such as an objectness; a '
                'shift changes the weight of the two in the ranking within a class: expect a small change of AP')
    return ('each class has a sigmoid of its own, and they do not compete for places among the detections of an image: AP '
            'ranks within a class, so expect next to no change of it')
