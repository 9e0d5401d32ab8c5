"""The temperature of a cosine classifier."""

import math

import torch
from torch import Tensor, nn


class Temperature(nn.Module):
    """Multiply by a temperature.

    Args:
        temperature: Its value, at first, above 0.
        is_learned: Whether it is a parameter, whose logarithm is trained, so that it stays above 0.

    Raises:
        ValueError: If the temperature is not above 0.
    """

    def __init__(self, temperature: float, is_learned: bool) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f'temperature must be above 0, got {temperature}')
        self.fixed = temperature
        self.logarithm = nn.Parameter(torch.tensor(math.log(temperature))) if is_learned else None

    def forward(self, cosines: Tensor) -> Tensor:
        """Multiply cosines by it."""
        return cosines * (self.fixed if self.logarithm is None else self.logarithm.exp())
