"""Score thresholds by class where mmdet compares scores with one threshold."""

from typing import Any, Literal

import torch
from torch import Tensor

Layout = Literal['rows', 'flat', 'columns']


class ClassThresholds:
    """Thresholds by class that go where a ``score_thr`` goes.

    mmdet's heads drop low scores by ``scores > score_thr``, before NMS and before they cut to ``nms_pre`` and ``max_per_img``.
    A tensor leaves a comparison that it does not know to the other side. So the heads' own code, unchanged, compares the score
    of each class with the threshold of that class.

    Args:
        thresholds: Threshold of each class, shape (C,), float32.
        layout: How the compared scores are laid out. ``'rows'``: (..., C), or (..., C + 1) with the background last, which is
            never kept. ``'flat'``: also (N * C,), box after box, as ``multiclass_nms`` has them. ``'columns'``: (C, N), as
            ``fast_nms`` has them.

    Examples:
        >>> torch.tensor([[0.3, 0.3]]) > ClassThresholds(torch.tensor([0.5, 0.1]))
        tensor([[False,  True]])
    """

    def __init__(self, thresholds: Tensor, layout: Layout = 'rows') -> None:
        self._thresholds = thresholds
        self._layout = layout

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self._thresholds.tolist()}, {self._layout!r})'

    def __deepcopy__(self, memo: dict[int, Any]) -> 'ClassThresholds':
        """Return itself, which never changes: heads copy their ``test_cfg`` for each image."""
        return self

    def __lt__(self, scores: Tensor) -> Tensor:
        """Compute ``scores > self``.

        Args:
            scores: Scores in the layout.

        Returns:
            Whether each is above the threshold of its class; bool, shape of the scores.

        Raises:
            ValueError: If the shape is not that of the layout.
        """
        if self._thresholds.device != scores.device:
            self._thresholds = self._thresholds.to(scores.device)
        thresholds, num_classes, shape = self._thresholds, len(self._thresholds), scores.shape
        if self._layout == 'columns' and len(shape) == 2 and shape[0] == num_classes:
            return scores > thresholds[:, None]
        if self._layout == 'flat' and len(shape) == 1 and shape[0] % num_classes == 0:
            return (scores.view(-1, num_classes) > thresholds).view(-1)
        if self._layout != 'columns' and len(shape) > 1 and shape[-1] == num_classes:
            return scores > thresholds
        if self._layout != 'columns' and len(shape) > 1 and shape[-1] == num_classes + 1:
            return scores > torch.cat([thresholds, thresholds.new_tensor([torch.inf])])
        raise ValueError(f'thresholds of {num_classes} classes cannot be compared with scores of shape {tuple(shape)} (layout '
                         f'{self._layout!r}): their classes are not known')
