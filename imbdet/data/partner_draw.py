"""Drawing the partner images of a mixing transform by weights, whatever rule the transform has."""

from collections.abc import Sequence
from typing import Any

import numpy as np

BELOW_ONE = np.nextafter(1.0, 0.0)
"""The largest position in the cumulative weights. A sum that rounds to 1 would mean the last image, even of weight 0."""


class WeightedView:
    r"""A data set as a mixing transform shall see it: of the same length, but with each image as often as its weight.

    A transform draws an index j out of N uniformly and returns it. Here j means the image at :math:`(j + U) / N` of the
    cumulative weights, with :math:`U \sim U(0, 1)`. With j uniform, so is :math:`(j + U) / N`, and image i is drawn with
    probability :math:`w_i / \sum w` exactly. A transform may look at an image before it returns its index, and draw again,
    as MixUp does; each look draws U again, and the index then means the image that was seen last.

    U comes from numpy's global generator, as all draws of mmdet's transforms do: mmengine seeds it in each worker.

    Args:
        dataset: The data set, of N images.
        cumulative: Cumulative weights, shape (N,), ascending, ending at 1.
    """

    def __init__(self, dataset: Any, cumulative: np.ndarray) -> None:
        self.dataset = dataset
        self.cumulative = cumulative
        self._seen: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.cumulative)

    def __getitem__(self, index: int) -> Any:
        self._seen[index] = self._draw(index)
        return self.dataset[self._seen[index]]

    def image(self, index: int) -> int:
        """Return the image that an index means: the one that was seen last there, or a new draw.

        Args:
            index: Index in [0, N), drawn uniformly.
        """
        return self._seen[index] if index in self._seen else self._draw(index)

    def _draw(self, index: int) -> int:
        position = min((index + np.random.random()) / len(self), BELOW_ONE)
        return int(np.searchsorted(self.cumulative, position, side='right'))


def draw_partners(transform: Any, dataset: Any, cumulative: np.ndarray) -> list[int]:
    """Let a mixing transform draw its partner images by weights.

    Args:
        transform: The transform, with ``get_indexes(dataset)``, which draws uniformly.
        dataset: The data set, of N images.
        cumulative: Cumulative weights, shape (N,), ascending, ending at 1.

    Returns:
        Indices into the data set, as many as the transform asks for.
    """
    view = WeightedView(dataset, cumulative)
    indexes = transform.get_indexes(view)
    return [view.image(index) for index in (indexes if isinstance(indexes, Sequence) else [indexes])]
