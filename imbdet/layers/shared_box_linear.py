"""CAB: boxes of rare classes learn from those of all."""

from typing import Any

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional


@MODELS.register_module()
class SharedBoxLinear(nn.Linear):
    r"""Predict the box of each class by weights of its own and by weights that all classes share.

    .. math:: W'_c = \alpha W_0 + (1 - \alpha) W_c

    (Zhu et al., "Rectify the regression bias in long-tailed object detection", ECCV 2024). Boxes of rare classes are badly
    regressed, too, because their weights see few objects. It takes the place of the linear layer of class-specific boxes and
    loads its checkpoint, without the shared weights. With :math:`\alpha = 1` it would be mmdet's ``reg_class_agnostic=True``,
    which dense heads and DETRs are already.

    Args:
        in_features: Features of a row.
        out_features: Values of a row: ``box_dim`` for each class.
        alpha: Share of the shared weights, in [0, 1); 0 is the linear layer.
        box_dim: Values of a box.
        **keys: More for ``torch.nn.Linear``.

    Raises:
        ValueError: If an argument is out of range, or the head has one box for all classes.

    Examples:
        >>> bbox_head = dict(reg_predictor_cfg=dict(type='SharedBoxLinear', alpha=0.5))
    """

    def __init__(self, in_features: int, out_features: int, alpha: float = 0.5, box_dim: int = 4, **keys: Any) -> None:
        super().__init__(in_features, out_features, **keys)
        if not 0 <= alpha < 1:
            raise ValueError(f'alpha must be in [0, 1), got {alpha}; for 1 set reg_class_agnostic=True in the head')
        if out_features % box_dim:
            raise ValueError(f'{out_features} outputs are not boxes of {box_dim} values; correct box_dim')
        if out_features == box_dim:
            raise ValueError('SharedBoxLinear needs a head with a box for each of several classes; set '
                             'reg_class_agnostic=False, or leave it out if there is one class')
        self.alpha = alpha
        self.shared = nn.Linear(in_features, box_dim, bias=self.bias is not None)

    def forward(self, features: Tensor) -> Tensor:
        """Predict boxes.

        Args:
            features: Shape (N, in_features).

        Returns:
            Shape (N, out_features), the classes one after the other.
        """
        weight = self._mixed(self.weight, self.shared.weight)
        bias = None if self.bias is None else self._mixed(self.bias, self.shared.bias)
        return functional.linear(features, weight, bias)

    def _mixed(self, own: Tensor, shared: Tensor) -> Tensor:
        """Mix parameters, which takes less time than to mix outputs."""
        return torch.add(self.alpha * shared, own.unflatten(0, (-1, len(shared))), alpha=1 - self.alpha).flatten(0, 1)
