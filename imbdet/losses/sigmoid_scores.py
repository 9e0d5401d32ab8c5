"""Scores of losses of sigmoids, as the box heads and dense heads of mmdet ask for them."""

import math

import torch
from mmdet.models.losses import accuracy
from torch import Tensor

from imbdet.losses.class_targets import ClassTargets


class SigmoidScores:
    """Tell a head how many outputs it needs, and turn these into scores.

    The box heads of R-CNN ask for both; dense heads such as RetinaNet for the scores, others take sigmoids themselves.
    """

    has_background = False
    """Whether box heads have one more output, a background's."""
    own_activation = False
    """Whether scores are something else than sigmoids, so that only heads that ask for them are supported."""
    custom_cls_channels = True  # read by mmdet's heads, as the next one
    custom_activation = True
    box_classes: int | None = None
    """Classes of the box head; None in other heads."""

    def classes_of(self, num_outputs: int) -> int:
        """Return the classes C of a head with K outputs."""
        return num_outputs - (self.has_background and self.box_classes is not None)

    def get_cls_channels(self, num_classes: int) -> int:
        """Return the outputs of a box head of C classes, which asks for them when it is built."""
        self.box_classes = num_classes
        return num_classes + self.has_background

    def scores(self, logits: Tensor) -> Tensor:
        """Return the score of each output, shape (N, K), in [0, 1]."""
        return logits.sigmoid()

    def logit_of(self, score: float) -> float:
        """Return the logit of a score in (0, 1), for a bias that starts there."""
        return math.log(score / (1 - score))

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Turn logits into scores.

        Args:
            cls_score: Logits, shape (N, K).

        Returns:
            Scores of the classes, shape (N, C); of a box head (N, C + 1), where the background, last, is what the highest of
            them leaves. With a background of its own, :math:`p_c (1 - p_b)`, and :math:`p_b` last.
        """
        scores = self.scores(cls_score)
        if self.box_classes is None:
            return scores
        if not self.has_background:
            return torch.cat([scores, 1 - scores.max(dim=1, keepdim=True).values], dim=1)
        background = scores[:, -1:]
        return torch.cat([scores[:, :-1] * (1 - background), background], dim=1)

    def get_accuracy(self, cls_score: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the share of foreground rows whose own class has the highest logit, in percent, to be logged."""
        num_classes = self.classes_of(cls_score.shape[1])
        foreground = ClassTargets(labels).is_foreground(num_classes)
        return {'acc_classes': accuracy(cls_score[foreground, :num_classes], labels[foreground])}
