"""What losses share whose statistics go on from step to step."""

from typing import Any

import torch
from torch import Tensor

from imbdet.classes import ClassCounts
from imbdet.losses.counted_classes import CountedClasses


class RunningStatistics(CountedClasses):
    """Keep statistics that advance once in each optimizer step, by what all ranks saw in it.

    :class:`imbdet.losses.LossStatisticsHook` sums what was noted over the ranks and calls :meth:`advance`; it keeps the
    statistics in the checkpoint. They are float64, so that a long training goes on counting. In one step, all calls of the
    loss see the same statistics, whatever their order.

    Attributes:
        statistics: What was noted so far, shape ``statistics_shape(C)``, float64. None before the class counts are there.
    """

    statistics: Tensor | None = None
    _noted: Tensor | None = None

    def statistics_shape(self, num_classes: int) -> tuple[int, ...]:
        """Return the shape of the statistics for C classes."""
        raise NotImplementedError

    def set_class_counts(self, counts: ClassCounts) -> None:
        """Take the class counts of the training set, and start anew."""
        super().set_class_counts(counts)
        self.statistics = torch.zeros(self.statistics_shape(len(counts.images)), dtype=torch.float64)
        self._noted = torch.zeros_like(self.statistics)

    def note(self, values: Tensor) -> None:
        """Add values of this step.

        Args:
            values: Shape of the statistics.
        """
        self._noted = values.detach().to(torch.float64) + self.noted.to(values.device)

    @property
    def noted(self) -> Tensor:
        """What was noted in this step on this rank."""
        if self._noted is None:
            raise RuntimeError(f'{type(self).__name__} has no statistics yet; call set_class_counts first')
        return self._noted

    def advance(self, values: Tensor) -> None:
        """End a step.

        Args:
            values: What all ranks noted in it, shape of the statistics.
        """
        self.load_statistics(self.statistics.to(values.device) + values)  # type: ignore[union-attr]

    def load_statistics(self, statistics: Tensor) -> None:
        """Take statistics, such as those of a checkpoint; nothing is noted after that.

        Args:
            statistics: Shape of the statistics.

        Raises:
            ValueError: If they have another shape.
        """
        if self.statistics is None or statistics.shape != self.statistics.shape:
            expected: Any = None if self.statistics is None else tuple(self.statistics.shape)
            raise ValueError(f'{type(self).__name__}: the statistics of the checkpoint have the shape '
                             f'{tuple(statistics.shape)}, not {expected}; it is of a training with other classes')
        self.statistics = statistics.to(torch.float64)
        self._noted = torch.zeros_like(self.statistics)

    def current_statistics(self, num_classes: int, device: torch.device) -> Tensor:
        """Return the statistics, float64.

        Args:
            num_classes: Classes C of the head.
            device: Where they shall be.

        Raises:
            RuntimeError: If there are no class counts.
            ValueError: If they are of another number of classes.
        """
        self.check_classes(num_classes)
        if self.statistics.device != device:  # type: ignore[union-attr]
            self.statistics = self.statistics.to(device)  # type: ignore[union-attr]
        return self.statistics  # type: ignore[return-value]
