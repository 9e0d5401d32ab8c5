"""A regression loss of RoI heads as Sampling-Free takes it: the mean over what is positive."""

from typing import Any

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class PositiveMeanLoss(nn.Module):
    r"""Average a regression loss over the positive regions, where mmdet's RoI heads divide it by all regions.

    .. math:: L = \frac{w}{|\mathrm{pos}|} \sum_{i \in \mathrm{pos}} \frac{1}{d} \sum_{k=1}^{d} \ell_{ik}

    with d = 4 values a region for losses of box deltas (L1, smooth L1) and d = 1 for losses of boxes (IoU, GIoU); so in the
    code of arXiv 1909.04868, ``smooth_l1 / (4 * positives)``. Without sampling, nearly all regions are background: mmdet's
    divisor, the number of regions, makes the loss N / (4 P) times as small as the authors', and GuidedLossHook would pass that
    on to the classification. With more than the positives' weights of 1, it is the weighted mean.

    RoI heads give their regression loss the positive regions only. Heads that give it all anchors, with the weight 0 for
    background and a level at a time, such as an RPN, divide by positives themselves under ``PseudoSampler``.

    Args:
        loss: Config of the loss to average, such as ``dict(type='L1Loss')``; it must take ``weight`` and
            ``reduction_override``. Its ``loss_weight`` is w.

    Examples:
        >>> bbox_head = dict(loss_bbox=dict(_delete_=True, type='PositiveMeanLoss', loss=dict(type='L1Loss')))
    """

    def __init__(self, loss: dict) -> None:
        super().__init__()
        self.loss = MODELS.build(loss)

    def forward(self,
                pred: Tensor,
                target: Tensor,
                weight: Tensor | None = None,
                avg_factor: float | None = None,
                reduction_override: str | None = None,
                **kwargs: Any) -> Tensor:
        """Compute the loss.

        Args:
            pred: Predicted deltas or boxes of positive regions, shape (P, 4).
            target: What they should be, shape (P, 4).
            weight: Weight of each value, shape (P, 4) or (P,), at least 0. None: 1.
            avg_factor: The head's divisor; not used.
            reduction_override: ``'none'`` for the elements of the loss, ``'sum'`` for their sum. None or ``'mean'``: the mean.
            **kwargs: More for the loss.

        Returns:
            The loss, shape (); for ``'none'``, (P, 4) or (P,). Without positives it is 0, with a gradient of zeros.
        """
        if len(pred) == 0:  # some of mmdet's losses fail on nothing
            return pred.sum() * 0
        elements = self.loss(pred, target, weight, reduction_override='none', **kwargs)
        if reduction_override == 'none':
            return elements
        total = elements.sum()
        if reduction_override == 'sum':
            return total
        values = elements.numel() // len(pred)
        positives = torch.ones_like(pred) if weight is None else weight.reshape(len(pred), -1)
        return total / (values * positives.float().mean(dim=1).sum()).clamp(min=torch.finfo(torch.float32).eps)
