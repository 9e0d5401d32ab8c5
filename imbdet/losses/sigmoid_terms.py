"""Losses of independent sigmoids, with their gradients in closed form: memory of one gradient, and statistics for free."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from imbdet.losses.class_targets import ClassTargets

CHUNK = 2 ** 20
"""Elements that are computed at once on a CPU, so that they stay in its cache."""
CHUNK_CUDA = 2 ** 26
"""The same on a GPU, where it only bounds the memory."""


class SigmoidTerms(Protocol):
    """A loss that is a sum over rows and classes, each with its own logit.

    Both methods return the loss of each element and its derivative by the logit, in the dtype of the logits, and leave the
    logits as they are.
    """

    def negatives(self, logits: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        """Take elements as if none was the row's own class.

        Args:
            logits: Shape (n, K).
            rows: Which rows these are among all N.
        """

    def positives(self, logits: Tensor, classes: Tensor, quality: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take the elements of the rows' own classes.

        Args:
            logits: Shape (P,).
            classes: Shape (P,), int64, in [0, K).
            quality: What the scores should be, shape (P,); None: 1.
        """


class SigmoidLoss(NamedTuple):
    """What :func:`sigmoid_loss` computes.

    Attributes:
        loss: The sum, shape (), or the elements, shape (N, K).
        positive_gradient: Sum over the elements of rows' own classes of the absolute derivatives, weighted, shape (K,).
        negative_gradient: The same over all other elements.
    """

    loss: Tensor
    positive_gradient: Tensor
    negative_gradient: Tensor


def sigmoid_loss(logits: Tensor, targets: ClassTargets, weight: Tensor | None, terms: SigmoidTerms,
                 elementwise: bool = False) -> SigmoidLoss:
    """Compute a loss of sigmoids, and the sums of its gradients by class.

    Half precision is computed in float32. A derivative of the derivative is not offered.

    Args:
        logits: Shape (N, K).
        targets: A class of K or more is background; a class below 0 ignores its row.
        weight: Weight of each row, shape (N,) or (N, 1), or of each element, (N, K), at least 0; None: 1.
        terms: The loss.
        elementwise: Whether to return the elements, and not their sum.
    """
    dtype = float_dtype(logits)
    weight = torch.ones(len(logits), 1, dtype=dtype, device=logits.device) if weight is None \
        else weight.detach().to(dtype).reshape(len(logits), -1 if len(logits) else 1)
    ignored = targets.labels < 0
    weight = weight.masked_fill(ignored[:, None], 0)
    quality = targets.quality.detach().to(dtype) if targets.quality is not None else None
    return SigmoidLoss(*_SigmoidLoss.apply(logits, targets.labels, quality, weight, terms, elementwise))


def float_dtype(logits: Tensor) -> torch.dtype:
    """Return the dtype that a loss is computed in: float32, or float64 for logits of that."""
    return torch.float64 if logits.dtype == torch.float64 else torch.float32


def _chunks(logits: Tensor) -> Iterator[slice]:
    size = max(1, (CHUNK_CUDA if logits.is_cuda else CHUNK) // max(1, logits.shape[1]))
    return (slice(start, start + size) for start in range(0, len(logits), size))


class _SigmoidLoss(torch.autograd.Function):
    """The gradient is computed with the loss and kept, in place of what both are computed from."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, quality: Tensor | None, weight: Tensor, terms: SigmoidTerms,
                elementwise: bool) -> tuple[Tensor, Tensor, Tensor]:
        needs_gradient = ctx.needs_input_grad[0]
        derivatives = weight.new_empty(logits.shape) if needs_gradient else None
        elements = weight.new_empty(logits.shape) if elementwise else None
        total = weight.new_zeros(())
        gradients = weight.new_zeros(2, logits.shape[1])  # of positives, of negatives
        for rows in _chunks(logits):
            loss, derivative = _chunk(logits[rows].to(weight.dtype), labels[rows], None if quality is None else quality[rows],
                                      weight[rows], terms, rows, gradients)
            if derivatives is not None:
                derivatives[rows] = derivative
            if elements is not None:
                elements[rows] = loss
            else:
                total += loss.sum()
        if derivatives is not None:
            ctx.save_for_backward(derivatives)
        ctx.dtype = logits.dtype
        positive, negative = gradients[0].clone(), gradients[1].clone()
        ctx.mark_non_differentiable(positive, negative)
        return total if elements is None else elements, positive, negative

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_loss: Tensor, *_: Any) -> tuple:
        derivatives, = ctx.saved_tensors
        return (derivatives * grad_loss).to(ctx.dtype), None, None, None, None, None


def _chunk(logits: Tensor, labels: Tensor, quality: Tensor | None, weight: Tensor, terms: SigmoidTerms, rows: slice,
           gradients: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the weighted elements and derivatives of some rows, and add up the absolute derivatives."""
    loss, derivative = terms.negatives(logits, rows)
    own, = ClassTargets(labels).is_foreground(logits.shape[1]).nonzero(as_tuple=True)
    classes = labels[own]
    own_loss, own_derivative = terms.positives(logits[own, classes], classes, None if quality is None else quality[own])
    own_weight = weight[own, classes] if weight.shape[1] > 1 else weight[own, 0]
    loss[own, classes] = own_loss
    derivative[own, classes] = 0
    derivative *= weight
    gradients[1] += derivative.abs().sum(dim=0)
    own_derivative = own_derivative * own_weight
    gradients[0].index_add_(0, classes, own_derivative.abs())
    derivative[own, classes] = own_derivative
    loss *= weight
    return loss, derivative
