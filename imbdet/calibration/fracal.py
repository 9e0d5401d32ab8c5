"""FRACAL: calibration by how often a class occurs, and by how its objects spread over the images."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from imbdet.calibration.logit_adjustment import logit_adjustment
from imbdet.calibration.prior_counts import prior_counts


def fracal_shift(counts: Sequence[int] | np.ndarray,
                 num_images: int,
                 dimensions: Sequence[float] | np.ndarray,
                 base: float = 10,
                 lam: float = 2.0) -> np.ndarray:
    r"""Shift of the class logits of a softmax with a background.

    .. math:: z_c - \log_\beta \frac{n_c}{N} - \log_\beta C - \lambda \ln \Phi_c

    (FRACAL, Alexandridis et al., arXiv 2410.11774.) There, probabilities after the first two terms are divided by
    :math:`\Phi_c^\lambda` and normalized again, with 1 for the background; one softmax with this shift gives the same. A class
    whose frequency is 1 / C and whose dimension is 1 is left where it is.

    Args:
        counts: Training images that contain each class, n_c, shape (C,), at least 0; 0 counts as 1.
        num_images: All training images, N, at least 1.
        dimensions: Fractal dimension of each class's box centers, Phi_c, shape (C,), above 0; see
            :func:`~imbdet.calibration.fractal_dimension.fractal_dimension`.
        base: Base of the logarithms, above 1: the authors use 10, and 2 for a stronger shift.
        lam: Strength of the second part, at least 0; 0 leaves the dimensions out.

    Returns:
        What to add to the logits of the classes, shape (C,), float64.

    Raises:
        ValueError: If an argument is out of range.
    """
    phi = _checked(dimensions, len(prior_counts(counts)), lam)
    return _frequency_shift(counts, num_images, base) - lam * np.log(phi)


def fracal_sigmoid_shift(counts: Sequence[int] | np.ndarray,
                         num_images: int,
                         dimensions: Sequence[float] | np.ndarray,
                         base: float = 10,
                         lam: float = 2.0) -> np.ndarray:
    r"""Shift of the second of the two sigmoids by which FRACAL calibrates a head without a background.

    .. math:: -\log_\beta \frac{n_c}{N} - \log_\beta C - \log_{10} \frac{\Phi_c^\lambda}{\sum_j \Phi_j^\lambda} - \log_{10} C

    The last two terms have base 10 whatever the base of the others, as in the authors' code.

    Args:
        counts: As for :func:`fracal_shift`, as are the other arguments.
        num_images: As there.
        dimensions: As there.
        base: As there.
        lam: As there.

    Returns:
        The shift for :func:`fracal_sigmoid`, shape (C,), float64.

    Raises:
        ValueError: If an argument is out of range.
    """
    powers = _checked(dimensions, len(prior_counts(counts)), lam)**lam
    return _frequency_shift(counts, num_images, base) - np.log10(powers / powers.mean())


def fracal_sigmoid(logits: Tensor, shift: Tensor) -> Tensor:
    r"""Calibrate the logits of a head that has a sigmoid for each class.

    .. math:: \sigma(z') = \sigma(z) \, \sigma(z + s)

    Unlike the other calibrations it is no constant that is added to a logit, so that no bias of a layer can hold it.

    Args:
        logits: Class logits z, shape (..., C), of a floating-point dtype.
        shift: s of :func:`fracal_sigmoid_shift`, shape (C,).

    Returns:
        The logits z' of the product, below ``logits``; shape, dtype and device of ``logits``. Computed in float32 at least.
    """
    values = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    log_product = logsigmoid(values) + logsigmoid(values + shift.to(values))
    # ln(p / (1 - p)) of ln p. Where both sigmoids are 1 within rounding, p is too: keep it below, and the logit finite.
    log_product = log_product.clamp(max=-torch.finfo(values.dtype).tiny)
    return (log_product - torch.log(-torch.expm1(log_product))).to(logits.dtype)


def _frequency_shift(counts: Sequence[int] | np.ndarray, num_images: int, base: float) -> np.ndarray:
    if not 1 < base < np.inf:
        raise ValueError(f'base must be above 1 and finite, got {base}')
    tau = 1 / np.log(base)
    return logit_adjustment(counts, num_images, tau) - tau * np.log(len(counts))


def _checked(dimensions: Sequence[float] | np.ndarray, num_classes: int, lam: float) -> np.ndarray:
    phi = np.asarray(dimensions, dtype=np.float64)
    if phi.shape != (num_classes, ) or not (np.isfinite(phi) & (phi > 0)).all():
        raise ValueError(f'dimensions must be above 0 and finite, one for each of {num_classes} classes, got shape {phi.shape}'
                         + (f' and values from {phi.min()} to {phi.max()}' if phi.size else ''))
    if not 0 <= lam < np.inf:
        raise ValueError(f'lam must be at least 0 and finite, got {lam}')
    return phi
