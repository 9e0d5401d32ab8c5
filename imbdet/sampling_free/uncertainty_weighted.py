"""Weights of a head's losses that are learned, as the authors' release of 2021 has them."""

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn

from imbdet.sampling_free.loss_ratio import scale_levels


@MODELS.register_module()
class UncertaintyWeighted(nn.Module):
    r"""Carry the learned weights of the losses of a head, next to the loss that it wraps.

    .. math:: L = \sum_k \frac{L_k}{2 \sigma_k^2} + \log \sigma_k

    with a parameter for each loss, :math:`\sigma_k = 1` at first (Kendall et al., CVPR 2018, arXiv 1705.07115; the release of
    arXiv 1909.04868 of 2021 weights classification, regression and centerness so, the classification after its guided scaling).
    The parameter here is :math:`\log \sigma_k`, so that no step makes :math:`\sigma_k` negative.

    The wrapped loss is computed as it is. ``GuidedLossHook`` weights the losses once they are summed over levels, and logs the
    last term as ``loss_uncertainty``; it may be negative. The parameters belong to the head, so that optimizer, checkpoint and
    moving average know them.

    Args:
        loss: Config of the loss to wrap. That of the regression is best: heads read settings from their ``loss_cls``.
        names: Names of the losses to weight, as they are logged, such as ``('loss_cls', 'loss_bbox', 'loss_centerness')``.

    Raises:
        ValueError: If names are missing or occur twice.

    Examples:
        >>> bbox_head = dict(loss_bbox=dict(_delete_=True, type='UncertaintyWeighted', loss=dict(type='IoULoss'),
        ...                                 names=('loss_cls', 'loss_bbox', 'loss_centerness')))
    """

    def __init__(self, loss: dict, names: Sequence[str]) -> None:
        super().__init__()
        if isinstance(names, str) or not names or len(set(names)) < len(names):
            raise ValueError(f'names must be different names of losses, got {names!r}')
        self.loss = MODELS.build(loss)
        self.names = tuple(names)
        self.log_sigma = nn.Parameter(torch.zeros(len(names)))
        self.is_weighted = False  # by GuidedLossHook

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Compute the wrapped loss; takes and returns what it does.

        Raises:
            RuntimeError: If nothing would apply the weights.
        """
        if self.training and torch.is_grad_enabled() and not self.is_weighted:
            raise RuntimeError("UncertaintyWeighted needs GuidedLossHook, which applies its weights: add "
                               "dict(type='GuidedLossHook', pairs='all') to custom_hooks")
        return self.loss(*args, **kwargs)

    def weigh(self, losses: dict[str, Any]) -> dict[str, Any]:
        """Weight losses.

        Args:
            losses: Losses of the detector by name: tensors, or lists of a tensor for each level.

        Returns:
            The losses, those of ``names`` weighted, with ``loss_uncertainty``, shape ().

        Raises:
            ValueError: If a loss is not there.
        """
        missing = [name for name in self.names if name not in losses]
        if missing:
            raise ValueError(f'UncertaintyWeighted: found no {", ".join(missing)} among the losses {", ".join(losses)}; '
                             'correct names=')
        weights = torch.exp(-2 * self.log_sigma) / 2
        weighted = dict(losses)
        for name, weight in zip(self.names, weights, strict=True):
            weighted[name] = scale_levels(losses[name], weight)
        weighted['loss_uncertainty'] = self.log_sigma.sum() + losses.get('loss_uncertainty', 0)
        return weighted
