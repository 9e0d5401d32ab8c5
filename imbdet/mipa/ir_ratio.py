"""Share of infrared patches: curriculum and learnable ratio."""

import math

import torch
from torch import Tensor, nn

CURRICULUM_END = 0.25


def curriculum_ratio(epoch: int, curriculum_epochs: int = 8) -> float | None:
    r"""Return the share of infrared patches in an epoch of the curriculum.

    .. math:: \rho(e) = \frac{e}{E} \cdot 0.25

    for e < E; from then on the share is drawn from U(0, 1) (MiPa, arXiv 2404.18849, with E = 4 and 8).

    Args:
        epoch: The epoch e, from 0.
        curriculum_epochs: Epochs E of the curriculum, at least 1.

    Returns:
        The share, in [0, 0.25), or None after the curriculum.
    """
    return CURRICULUM_END * epoch / curriculum_epochs if epoch < curriculum_epochs else None


class LearnableRatio(nn.Module):
    r"""Share of infrared patches that is trained with the detector.

    .. math:: \rho = \Phi(\mu + \sigma \tanh \epsilon),\qquad \epsilon \sim N(0, 1)

    with :math:`\Phi` the normal distribution function, and the learned mean :math:`\mu` and spread :math:`\sigma`: the share of
    patches whose noise exceeds a threshold, as in the authors' variants. It starts around 0.5.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(()))
        self.spread = nn.Parameter(torch.full((), 0.25))

    def forward(self, generator: torch.Generator) -> Tensor:
        """Draw the share for a batch.

        Args:
            generator: Source of the noise.

        Returns:
            The share in (0, 1), shape (), float32, with a gradient.
        """
        noise = torch.randn((), generator=generator, device=generator.device).to(self.mean.device)
        return torch.erfc(-(self.mean + self.spread * torch.tanh(noise)) / math.sqrt(2)) / 2


def pass_gradient_to_ratio(mixed: Tensor, rgb: Tensor, ir: Tensor, ir_ratio: Tensor) -> Tensor:
    r"""Add the gradient of the expected image with respect to the ratio to mixed images.

    A choice of patches has no gradient, but its expectation :math:`\rho x_{IR} + (1 - \rho) x_{RGB}` has one (straight-through
    estimator, arXiv 1308.3432).

    Args:
        mixed: Mixed images, shape (B, C, H, W).
        rgb: Visible images, the same shape.
        ir: Infrared images, the same shape.
        ir_ratio: The ratio, shape (), with a gradient.

    Returns:
        ``mixed``, with a gradient with respect to the ratio.
    """
    return mixed + (ir_ratio - ir_ratio.detach()) * (ir - rgb)
