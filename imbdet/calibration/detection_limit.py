"""How many detections of an image a detector keeps."""

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import nn

MOST_PLACES = 1000
"""Detections of an image that are kept at most, so that thousands of images fit into the memory."""
PLACES_OF_A_CLASS = 5


def detections_per_image(detector: nn.Module) -> int | None:
    """Return the most detections that a detector keeps of an image.

    Args:
        detector: An mmdet detector.

    Returns:
        The least ``max_per_img`` of its heads, region proposals excepted; None if there is no limit.
    """
    return min((config['max_per_img'] for config in _limited(detector)), default=None)


@contextlib.contextmanager
def raised_limit(detector: nn.Module, num_classes: int) -> Iterator[None]:
    """Let a detector keep more detections of an image meanwhile, so that classes do not compete for places among them.

    Heads without NMS, as of DETRs, have no more detections than queries, and are left alone.

    Args:
        detector: An mmdet detector, whose ``max_per_img`` become five times the number of classes, 1,000 at most; none falls.
        num_classes: Number of classes.
    """
    own = [(config, config['max_per_img']) for config in _limited(detector) if 'nms' in config]
    for config, limit in own:
        config['max_per_img'] = max(limit, min(MOST_PLACES, PLACES_OF_A_CLASS * num_classes))
    try:
        yield
    finally:
        for config, limit in own:
            config['max_per_img'] = limit


def _limited(detector: nn.Module) -> Iterator[Any]:
    """Yield the test configs that limit detections."""
    for name, module in detector.named_modules():
        config = getattr(module, 'test_cfg', None)
        if isinstance(config, dict) and not name.endswith('rpn_head'):
            config = config.get('rcnn', config) or {}
            if (config.get('max_per_img') or 0) > 0:
                yield config
