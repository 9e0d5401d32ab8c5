"""A classifier that compares directions: the logit of a class does not grow with the length of its weights."""

from typing import Any

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional

from imbdet.layers.cosine import Temperature, unit_length


@MODELS.register_module()
class CosineLinear(nn.Linear):
    r"""Give logits by the cosine between features and weights.

    .. math:: z_c = t \frac{w_c^\top x}{\|w_c\| \|x\|} + b_c

    Weights of frequent classes grow long in training, and so do their logits; here they cannot. It takes the place of a linear
    layer and loads its checkpoint. With a softmax it is what mmdet's ``NormedLinear`` computes.

    Args:
        in_features: Features of a row.
        out_features: Logits of a row.
        bias: Whether there is a bias. Losses of sigmoids need one, because
            cosines cannot make all classes improbable; ``OptimalBiasInitHook`` sets it to a prior.
        temperature: t, at first, above 0.
        learn_temperature: Whether t is a parameter, whose logarithm is trained.
        **keys: More for ``torch.nn.Linear``.

    Raises:
        ValueError: If the temperature is not above 0.

    Examples:
        >>> bbox_head = dict(cls_predictor_cfg=dict(type='CosineLinear', temperature=20.0))
    """

    def __init__(self,
                 in_features: int,
                 out_features: int,
                 bias: bool = True,
                 temperature: float = 20.0,
                 learn_temperature: bool = False,
                 **keys: Any) -> None:
        super().__init__(in_features, out_features, bias, **keys)
        self.temperature = Temperature(temperature, learn_temperature)

    def forward(self, features: Tensor) -> Tensor:
        """Compute logits.

        Args:
            features: Shape (..., in_features).

        Returns:
            Logits, shape (..., out_features).
        """
        # In float32, because half precision may not hold their squares.
        directions = unit_length(features.to(torch.promote_types(features.dtype, torch.float32)), -1) * self.temperature.value
        return functional.linear(directions.to(features.dtype), unit_length(self.weight, 1), self.bias)
