"""ModalityRegularizer: sometimes takes the stronger modality away before patches are mixed."""

from collections.abc import Sequence

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn

METHODS = ('single', 'mood', 'either')


def weaken_modality(strong: Tensor, weak: Tensor, method: str) -> Tensor:
    r"""Return what replaces images of the stronger modality.

    .. math:: x'_{strong} = 0 \;\text{(single)} \qquad x'_{strong} = \frac{x_{strong} + x_{weak}}{2} \;\text{(mood)}

    Args:
        strong: Images of the stronger modality, shape (B, C, H, W), floating.
        weak: Images of the other one, the same shape and dtype.
        method: ``'single'`` or ``'mood'``.

    Returns:
        The replacement, like ``strong``.
    """
    return torch.zeros_like(strong) if method == 'single' else (strong + weak) / 2


@MODELS.register_module()
class ModalityRegularizer(nn.Module):
    """Replace the stronger modality of a whole batch from time to time, so that a detector cannot rely on it.

    This is the modality regularization of the public code of MiPa (arXiv 2404.18849), off there by default. With probability
    ``probability`` for each batch, all images of the stronger modality are replaced before their patches are mixed, see
    :func:`weaken_modality`. The patches' labels stay: a replaced infrared patch still counts as infrared.

    - ``'single'``: by zeros, so that only the other modality is visible. An image is normalized before, and 0 is the mean;
    - ``'mood'``: by the mean of both modalities;
    - ``'either'``: by one of the two, each with probability 1/2.

    The authors replace the outputs of the patch embedding, which they do not train. Here pixels are replaced, for any
    backbone, and the embedding is trained. Both are the same only if the embedding is a convolution without overlap, bias and
    normalization; those of Swin and ConvNeXt have a bias and a normalization.

    It has no state: choices come from the generator of MiPaDataPreprocessor, which is seeded by seed, rank and iteration.

    Args:
        method: As above.
        probability: Probability of a replacement, in [0, 1]. The authors' is 1/3: two faces of a die with six.
        strong_modality: The modality that is replaced, ``'ir'`` as in the authors' code, or ``'rgb'``.

    Raises:
        ValueError: If an argument is unknown or out of range.

    Examples:
        >>> dict(type='MiPaDataPreprocessor', modality_regularizer=dict(type='ModalityRegularizer', method='mood'))
    """

    def __init__(self, method: str, probability: float = 1 / 3, strong_modality: str = 'ir') -> None:
        super().__init__()
        if method not in METHODS:
            raise ValueError(f'method must be one of {", ".join(METHODS)}; got {method!r}')
        if not 0 <= probability <= 1:
            raise ValueError(f'probability must be in [0, 1], got {probability}')
        if strong_modality not in ('rgb', 'ir'):
            raise ValueError(f"strong_modality must be 'rgb' or 'ir', got {strong_modality!r}")
        self.method = method
        self.probability = probability
        self.strong_modality = strong_modality

    def forward(self,
                rgb: Tensor,
                ir: Tensor,
                paired: Sequence[bool],
                generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Replace the stronger modality, or not.

        Args:
            rgb: Visible images, shape (B, C, H, W), floating.
            ir: Infrared images, the same shape and dtype.
            paired: Whether each image has both modalities; others are left as they are.
            generator: Random generator. None: torch's default.

        Returns:
            The visible and the infrared images.
        """
        device = None if generator is None else generator.device
        applies, coin = torch.rand(2, generator=generator, device=device).tolist()
        if applies >= self.probability:
            return rgb, ir
        method = ('single' if coin < 0.5 else 'mood') if self.method == 'either' else self.method
        is_pair = torch.tensor(paired, device=rgb.device).view(-1, 1, 1, 1)
        if self.strong_modality == 'ir':
            return rgb, torch.where(is_pair, weaken_modality(ir, rgb, method), ir)
        return torch.where(is_pair, weaken_modality(rgb, ir, method), rgb), ir
