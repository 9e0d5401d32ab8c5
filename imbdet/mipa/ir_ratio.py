"""Share of infrared patches: curriculum and learnable ratio."""

import math

import torch
from torch import Tensor, nn

CURRICULUM_END = 0.25
INITIAL_MEAN = -0.5
INITIAL_SPREAD = 0.25


def curriculum_ratio(epoch: int, curriculum_epochs: int = 8) -> float | None:
    r"""Return the share of infrared patches in an epoch of the curriculum.

    .. math:: \rho(e) = \frac{e}{E} \cdot 0.25

    for e = 0, ..., E; from epoch E + 1 on the share is drawn from U(0, 1) (MiPa, arXiv 2404.18849, with E = 4 and 8). Epoch
    E, the first with the full quarter, belongs to the curriculum, as in the authors' code.

    Args:
        epoch: The epoch e, from 0.
        curriculum_epochs: Epochs E in which the share grows, at least 1.

    Returns:
        The share, in [0, 0.25], or None after the curriculum.
    """
    return CURRICULUM_END * epoch / curriculum_epochs if epoch <= curriculum_epochs else None


class LearnableRatio(nn.Module):
    r"""Share of infrared patches that is trained with the detector.

    .. math:: \rho = \Phi(\mu + \sigma \tanh \epsilon),\qquad \epsilon \sim N(0, 1)

    with :math:`\Phi` the normal distribution function, and the learned mean :math:`\mu` and spread :math:`\sigma`. It is the
    expected share of patches with :math:`z + \mu > 0` for :math:`z \sim N(\sigma \tanh \epsilon, 1)`, by which the authors'
    code chooses them. As there, :math:`\mu` starts at -0.5 and :math:`\sigma` at 0.25, so the share starts at
    :math:`\Phi(-0.5) = 0.31` on average. Their step function has a derivative of zero; see :func:`pass_gradient_to_ratio`
    for the gradient here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.full((), INITIAL_MEAN))
        self.spread = nn.Parameter(torch.full((), INITIAL_SPREAD))

    def forward(self, generator: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw shares.

        Args:
            generator: Source of the noise.
            shape: () for one share, (B,) for independent ones.

        Returns:
            The shares in (0, 1), shape ``shape``, float32, with a gradient.
        """
        noise = torch.randn(shape, generator=generator, device=generator.device).to(self.mean.device)
        return torch.erfc(-(self.mean + self.spread * torch.tanh(noise)) / math.sqrt(2)) / 2


def pass_gradient_to_ratio(mixed: Tensor, rgb: Tensor, ir: Tensor, ir_ratio: Tensor) -> Tensor:
    r"""Add the gradient of the expected image with respect to the ratio to mixed images.

    A choice of patches has no gradient, but its expectation :math:`\rho x_{IR} + (1 - \rho) x_{RGB}` has one (straight-through
    estimator, arXiv 1308.3432).

    Args:
        mixed: Mixed images, shape (B, C, H, W).
        rgb: Visible images, the same shape.
        ir: Infrared images, the same shape.
        ir_ratio: The ratio, shape () or (B,), with a gradient.

    Returns:
        ``mixed``, with a gradient with respect to the ratio.
    """
    return mixed + (ir_ratio - ir_ratio.detach()).view(-1, 1, 1, 1) * (ir - rgb)
