"""When a detector predicts, in a test or a validation."""

from collections.abc import Callable, Iterator
from typing import Any

from mmdet.models.detectors.base import BaseDetector
from torch import nn
from torch.utils.hooks import RemovableHandle


def watch_predictions(detector: nn.Module, begin: Callable[[], None], end: Callable[[], None]) -> Iterator[RemovableHandle]:
    """Be told when a detector begins and ends to predict; not in training, where a teacher's pseudo labels are no predictions.

    Args:
        detector: The detector; detectors inside it, such as in mmdet's wrapper for augmentation in tests, are watched too.
        begin: Called before it predicts.
        end: Called after it has predicted, also after an exception, and after calls that do not predict.

    Yields:
        Handles that end the watch.
    """

    def before(_: nn.Module, inputs: tuple, keywords: dict) -> None:
        if keywords.get('mode') == 'predict':
            begin()

    def after(*_: Any) -> None:
        end()

    for predictor in detector.modules():
        if isinstance(predictor, BaseDetector):
            yield predictor.register_forward_pre_hook(before, with_kwargs=True)
            yield predictor.register_forward_hook(after, always_call=True)
