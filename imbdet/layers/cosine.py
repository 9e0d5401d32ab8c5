"""What cosine classifiers share: vectors of length 1, and a temperature."""

import math

import torch
from torch import Tensor, nn

EPSILON = 1e-12
"""Lengths below it count as this."""


def unit_length(vectors: Tensor, dims: int | tuple[int, ...]) -> Tensor:
    """Scale vectors to length 1.

    Args:
        vectors: The vectors.
        dims: Dimensions over which a vector extends.

    Returns:
        The same shape. Zeros stay zeros.
    """
    # By a product: the gradient of a quotient takes several times as long.
    return vectors * torch.linalg.vector_norm(vectors, dim=dims, keepdim=True).clamp(min=EPSILON).reciprocal()


class Temperature(nn.Module):
    """Keep a temperature, as a number or as a parameter.

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

    @property
    def value(self) -> float | Tensor:
        """What cosines are multiplied by."""
        return self.fixed if self.logarithm is None else self.logarithm.exp()
