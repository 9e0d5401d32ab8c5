"""Focal losses of logits (Lin et al., arXiv:1708.02002) as mmcv computes them, and their gradients in closed form."""

import torch
from torch import Tensor

TINY = torch.finfo(torch.float32).tiny
"""mmcv's lower bound of a probability whose logarithm is taken."""


def _wide(tensor: Tensor) -> Tensor:
    """Half precision has no number as small as ``TINY``, so it is computed in single."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _class_weight(weight: Tensor, target: Tensor) -> Tensor | float:
    """Weight of each row, by its class; 1 for background, for which mmcv's kernel reads beyond the array."""
    if not weight.numel():
        return 1.0
    known = (target >= 0) & (target < weight.numel())
    return torch.where(known, weight[target.where(known, 0)], torch.ones_like(weight[:1]))


def _positives(logits: Tensor, target: Tensor) -> Tensor:
    return target[:, None] == torch.arange(logits.size(1), device=logits.device)


def _log(probability: Tensor) -> Tensor:
    return probability.clamp(min=TINY).log_()


def sigmoid_focal_loss_forward(input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float,
                               alpha: float) -> None:
    """Compute -a_t (1 - p_t)^gamma log(p_t) of each logit.

    Args:
        input: Logits, shape (n, C).
        target: Class of each row; C is the background. int64, shape (n,).
        weight: Weight of each class, shape (C,), or empty.
        output: Is filled, shape (n, C).
        gamma: Focusing parameter.
        alpha: Weight of positives; 1 - alpha of negatives.
    """
    positive = _positives(input, target)
    probability = _wide(input).sigmoid()
    other = 1 - probability
    loss = torch.where(positive, other.pow(gamma).mul_(_log(probability)).mul_(-alpha),
                       probability.pow(gamma).mul_(_log(other)).mul_(alpha - 1))
    scale = _class_weight(weight, target)
    output.copy_(loss if isinstance(scale, float) else loss * scale[:, None])


def sigmoid_focal_loss_backward(input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float,
                                alpha: float) -> None:
    """Compute the derivative of each element of :func:`sigmoid_focal_loss_forward` by its logit, into ``grad_input``."""
    positive = _positives(input, target)
    probability = _wide(input).sigmoid()
    other = 1 - probability
    positive_gradient = other.pow(gamma) * (other - gamma * probability * _log(probability))
    negative_gradient = probability.pow(gamma) * (gamma * other * _log(other) - probability)
    gradient = torch.where(positive, positive_gradient.mul_(-alpha), negative_gradient.mul_(alpha - 1))
    scale = _class_weight(weight, target)
    grad_input.copy_(gradient if isinstance(scale, float) else gradient * scale[:, None])


def softmax_focal_loss_forward(input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float,
                               alpha: float) -> None:
    """Compute -alpha (1 - p)^gamma log(p) of each row, p being the probability of its class.

    Args:
        input: Probabilities by softmax, shape (n, C).
        target: Class of each row; a negative one has loss 0. int64, shape (n,).
        weight: Weight of each class, shape (C,), or empty.
        output: Is filled, shape (n,).
        gamma: Focusing parameter.
        alpha: Factor of all.
    """
    probability = _wide(input).gather(1, target.clamp(min=0)[:, None])[:, 0]
    loss = -alpha * (1 - probability).pow(gamma) * _log(probability)
    output.copy_(torch.where(target >= 0, loss * _class_weight(weight, target), torch.zeros_like(loss)))


def softmax_focal_loss_backward(input: Tensor, target: Tensor, weight: Tensor, buff: Tensor, grad_input: Tensor, gamma: float,
                                alpha: float) -> None:
    """Compute the derivative of each row of :func:`softmax_focal_loss_forward` by its logits.

    Args:
        input: Probabilities by softmax, shape (n, C).
        target: Class of each row, shape (n,).
        weight: Weight of each class, or empty.
        buff: Is filled: derivative by the logarithm of the probability, shape (n,).
        grad_input: Is filled, shape (n, C).
        gamma: As above.
        alpha: As above.
    """
    probability = _wide(input).gather(1, target.clamp(min=0)[:, None])[:, 0]
    other = 1 - probability
    steep = other.clamp(min=TINY).pow(gamma - 1)  # of a probability of 1 infinite, times its logarithm of 0
    by_log = alpha * (gamma * steep * probability * _log(probability) - other.pow(gamma))
    by_log = torch.where(target >= 0, by_log * _class_weight(weight, target), torch.zeros_like(by_log))
    buff.copy_(by_log)
    grad_input.copy_(by_log[:, None] * (_positives(input, target).to(input.dtype) - input))
