"""A convolution that compares directions: the last one of a dense head as a cosine classifier."""

from typing import Any

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional

from imbdet.layers.cosine import EPSILON, Temperature, unit_length


@MODELS.register_module()
class CosineConv2d(nn.Conv2d):
    r"""Give logits by the cosine between the features under the kernel and the kernel's weights.

    .. math:: z_c = t \frac{w_c \ast x}{\|w_c\| \|x\|} + b_c

    where :math:`\|x\|` is the norm of all features that the kernel sees at a place, padding as zeros. mmdet's ``NormedConv2d``
    norms features and weights pixel by pixel of a kernel; for 1 x 1 kernels both are the same.

    Args:
        *arguments: As for ``torch.nn.Conv2d``.
        temperature: t, at first, above 0.
        learn_temperature: Whether t is a parameter.
        **keys: As for ``torch.nn.Conv2d``, without ``groups`` and ``padding_mode``.

    Raises:
        ValueError: If the temperature is not above 0, or the convolution has groups or pads with other things than zeros.
    """

    def __init__(self, *arguments: Any, temperature: float = 20.0, learn_temperature: bool = False, **keys: Any) -> None:
        super().__init__(*arguments, **keys)
        if self.groups != 1 or self.padding_mode != 'zeros':
            raise ValueError('CosineConv2d has one group and pads with zeros, got '
                             f'groups={self.groups} and padding_mode={self.padding_mode!r}')
        self.temperature = Temperature(temperature, learn_temperature)
        self._directions: Tensor | None = None

    def keep_directions(self) -> None:
        """Scale the weights to length 1 once for all calls until :meth:`let_go`, of which there is one a level."""
        self._directions = unit_length(self.weight, (1, 2, 3))

    def let_go(self) -> None:
        """Scale the weights again in each call."""
        self._directions = None

    def forward(self, features: Tensor) -> Tensor:
        """Compute logits.

        Args:
            features: Shape (B, in_channels, H, W).

        Returns:
            Logits, shape (B, out_channels, H', W').
        """
        directions = unit_length(self.weight, (1, 2, 3)) if self._directions is None else self._directions
        products = self._conv_forward(features, directions, None)
        scale = (self.temperature.value / self._norms(features)).to(products.dtype)
        return products * scale if self.bias is None else torch.addcmul(self.bias[:, None, None], products, scale)

    def _norms(self, features: Tensor) -> Tensor:
        """Return the norm of what the kernel sees at each place, shape (B, 1, H', W'), in float32 at least."""
        with torch.autocast(features.device.type, enabled=False):
            squares = features.to(torch.promote_types(features.dtype, torch.float32)).square().sum(1, keepdim=True)
            ones = squares.new_ones(1, 1, *self.kernel_size)
            squares = functional.conv2d(squares, ones, None, self.stride, self.padding, self.dilation)
            return squares.clamp(min=EPSILON**2).sqrt()
