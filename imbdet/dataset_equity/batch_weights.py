"""Weighting each image's own loss, by way of its gradient."""

from typing import Any

import torch
from torch import Tensor


def weight_gradient(values: Tensor, weights: Tensor, dim: int = 0) -> Tensor:
    r"""Return predictions whose gradient is multiplied by a weight for each image.

    A loss is a sum over images, of terms that only see their own image's predictions:

    .. math:: \nabla_\theta \sum_i w_i L_i = \sum_i \frac{\partial y_i}{\partial\theta} \cdot w_i
        \frac{\partial L_i}{\partial y_i}

    so scaling the gradient of the predictions y is the same as weighting the losses, whatever the loss is, as long as
    its ``avg_factor`` is a constant. The loss itself keeps its value.

    Args:
        values: Predictions, of any shape and floating type.
        weights: Weight of each slice along ``dim``, shape (values.shape[dim],).
        dim: The dimension of images, or of rows that belong to images.

    Returns:
        A view of ``values``; ``values`` themselves if they have no gradient.
    """
    if not values.requires_grad:
        return values
    shape = [1] * values.dim()
    shape[dim] = -1
    factors = weights.view(shape)
    # A view, because heads may use the same values elsewhere, where the gradient that comes back is weighted already.
    weighted = values.view_as(values)
    weighted.register_hook(lambda gradient: gradient * factors.to(gradient))
    return weighted


class BatchWeights:
    """The weights of the batch that a detector works on, and which of its branches they reached.

    Attributes:
        weights: Weight of each image, shape (B,), float32, on the detector's device; None outside a training step.
        reached: Names of the branches whose predictions were weighted since :meth:`start`.
    """

    def __init__(self) -> None:
        self.weights: Tensor | None = None
        self.reached: set[str] = set()
        self._all_one = False

    def start(self, weights: Tensor, device: torch.device) -> None:
        """Begin a batch.

        Args:
            weights: Weight of each image, shape (B,), float32, on the CPU.
            device: The detector's device.
        """
        self.weights = weights.to(device)
        self.reached = set()
        self._all_one = bool((weights == 1).all())  # asked before a GPU has them, which would have to be waited for

    def stop(self) -> None:
        """End the batch."""
        self.weights = None

    def weight_images(self, branch: str, predictions: Any, dim: int = 0) -> Any:
        """Weight predictions that have a dimension of images.

        Args:
            branch: Name of the branch.
            predictions: A tensor, or nested lists and tuples of such.
            dim: The dimension of images.

        Returns:
            The predictions, nested alike.

        Raises:
            ValueError: If that dimension is not as long as the batch.
        """
        if self.weights is None:
            return predictions
        return self._weight(branch, predictions, self.weights, dim, f'{len(self.weights)} images')

    def weight_rows(self, branch: str, predictions: Any, images: Tensor) -> Any:
        """Weight predictions that have a row for each region of interest.

        Args:
            branch: Name of the branch.
            predictions: A tensor of shape (R, ...), or nested lists and tuples of such.
            images: The image of each row, shape (R,), whole numbers of any type.

        Returns:
            The predictions, nested alike.

        Raises:
            ValueError: If the number of rows is another.
        """
        if self.weights is None:
            return predictions
        return self._weight(branch, predictions, self.weights[images.long()], 0, f'{len(images)} regions')

    def _weight(self, branch: str, predictions: Any, weights: Tensor, dim: int, wanted: str) -> Any:
        if isinstance(predictions, (list, tuple)):
            return type(predictions)([self._weight(branch, part, weights, dim, wanted) for part in predictions])
        if not isinstance(predictions, Tensor):  # None, of a head without such an output
            return predictions
        if predictions.dim() <= dim or predictions.shape[dim] != len(weights):
            raise ValueError(f'DatasetEquityHook: {branch} gave predictions of shape {tuple(predictions.shape)}, whose '
                             f'dimension {dim} is not that of the {wanted}; this head is not supported')
        self.reached.add(branch)
        # A product with 1 could have other strides, on which sums round otherwise.
        return predictions if self._all_one else weight_gradient(predictions, weights, dim)
