"""A loss that asks for class counts, as those of the long tail do."""

import torch
from mmdet.models.losses import FocalLoss
from mmdet.registry import MODELS


@MODELS.register_module(force=True)
class AskingLoss(FocalLoss):
    """The focal loss, times the share of the rarest class's boxes."""

    def __init__(self, num_classes=3, **keys):
        super().__init__(**keys)
        self.register_buffer('class_counts', torch.zeros(num_classes))
        self.times_set = 0

    def set_class_counts(self, counts):
        self.times_set += 1
        self.class_counts.copy_(torch.from_numpy(counts.boxes))

    def forward(self, *arguments, **keys):
        assert self.class_counts.sum() > 0, 'no class counts yet'
        return super().forward(*arguments, **keys) * self.class_counts.min() / self.class_counts.sum()
