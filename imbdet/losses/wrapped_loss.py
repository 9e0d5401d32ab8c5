"""The base of losses that wrap another one."""

from typing import Any

from mmdet.registry import MODELS
from torch import nn

ASKED = ('custom_cls_channels', 'custom_activation', 'custom_accuracy', 'get_cls_channels', 'get_activation', 'get_accuracy',
         'activated', 'loss_weight', 'reduction', 'class_weight', 'own_activation', 'has_background', 'divided_by_positives',
         'logit_of', 'scores', 'box_classes')
"""What heads, and imbdet, ask of a loss, which the wrapped one answers."""


class WrappedLoss(nn.Module):
    """Wrap a loss, in the place of which heads find this one.

    Args:
        loss: Config of the loss.
        use_sigmoid: As in that config. Dense heads read it in the outer config to know their number of outputs.

    Raises:
        ValueError: If ``use_sigmoid`` is not that of the loss.
    """

    def __init__(self, loss: dict, use_sigmoid: bool = False) -> None:
        super().__init__()
        self.loss = MODELS.build(loss)
        if bool(getattr(self.loss, 'use_sigmoid', use_sigmoid)) != use_sigmoid:
            raise ValueError(f'{type(self).__name__}: write use_sigmoid={not use_sigmoid} beside loss=, as in the config of '
                             f'{type(self.loss).__name__}, because heads read it there')
        self.use_sigmoid = use_sigmoid

    @property
    def answering(self) -> Any:
        """Who answers what heads ask."""
        return self.loss

    def __getattr__(self, name: str) -> Any:
        if name in ASKED:
            return getattr(self.answering, name)
        return super().__getattr__(name)
