"""Effective class margins: how far apart positives and negatives of a class shall be, by how often it occurs."""

from typing import NamedTuple

import torch
from torch import Tensor


class EffectiveMargins(NamedTuple):
    """Margins of C classes, and of the background last.

    Attributes:
        shift: What is added to twice the logit, shape (C + 1,), float64.
        weight: Weight of the class, shape (C + 1,), float64.
    """

    shift: Tensor
    weight: Tensor


def effective_margins(counts: Tensor, background: Tensor) -> EffectiveMargins:
    r"""Return the effective margins of classes (Cho and Kraehenbuehl, ECCV 2022).

    .. math:: a_c = \frac{N - n_c}{n_c},\qquad m_c = -\tfrac{1}{4} \ln a_c,\qquad w_c = a_c \ln(1 + 1 / a_c)

    with n_c samples of a class among all N. The surrogate of the paper is :math:`w_c \mathrm{BCE}(2 z_c + m_c, y_c)`; the
    authors' code computes it by exponentials, which overflow. The weight of a rare class is near 1.

    Args:
        counts: Boxes of each class, shape (C,), float64, above 0.
        background: Samples of background for each sample of foreground, shape (), float64, at least 0.

    Returns:
        Shift and weight of each class and of the background. The background counts as one sample at least.
    """
    counts = torch.cat([counts, (background * counts.sum()).clamp(min=1)[None]])
    ratio = (counts.sum() - counts) / counts
    return EffectiveMargins(-ratio.log() / 4, ratio * (1 / ratio).log1p())
