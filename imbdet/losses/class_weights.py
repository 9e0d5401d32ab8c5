"""Weights of classes from how often they occur."""

import torch
from torch import Tensor


def inverse_frequency_weights(boxes: Tensor, power: float) -> Tensor:
    r"""Weight classes by a power of their inverse frequency.

    .. math:: w_c = n_c^{-\rho} \cdot \frac{\sum_k n_k}{\sum_k n_k^{1 - \rho}}

    The weight of a box is 1 in the mean over all boxes, so that foreground weighs as much against background as before. With
    :math:`\rho = 1` this is scikit-learn's ``'balanced'``, :math:`\sum_k n_k / (C n_c)`.

    Args:
        boxes: Boxes of each class, shape (C,), above 0.
        power: :math:`\rho`, at least 0; 0 gives weights of 1.

    Returns:
        Weights, shape (C,), above 0.
    """
    return _mean_over_boxes_one(boxes.pow(-power), boxes)


def effective_number_weights(boxes: Tensor, beta: float) -> Tensor:
    r"""Weight classes by the inverse of their effective number of samples (Cui et al., CVPR 2019, arXiv 1901.05555).

    .. math:: w_c \propto \frac{1 - \beta}{1 - \beta^{n_c}}

    scaled so that the weight of a box is 1 in the mean over all boxes; the paper scales to a mean of 1 over the classes, which
    on a long tail leaves next to no loss to frequent ones.

    Args:
        boxes: Boxes of each class, shape (C,), above 0.
        beta: In [0, 1); 0 gives weights of 1.

    Returns:
        Weights, shape (C,), above 0.
    """
    return _mean_over_boxes_one((1 - beta) / (1 - torch.as_tensor(beta, dtype=boxes.dtype).pow(boxes)), boxes)


def _mean_over_boxes_one(weights: Tensor, boxes: Tensor) -> Tensor:
    return weights * (boxes.sum() / (weights * boxes).sum())
