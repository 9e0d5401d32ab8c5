"""What losses share that need the class counts of the training set."""

from typing import Literal

import torch
from torch import Tensor

from imbdet.classes import ClassCounts


class CountedClasses:
    """Keep the class counts of the training set, which :class:`imbdet.training.ClassCountsHook` brings.

    The hook also keeps them in the checkpoint. No score depends on them, so that a detector is tested without.
    """

    counts_in_training_only = True
    _counts: dict[str, Tensor] | None = None

    def set_class_counts(self, counts: ClassCounts) -> None:
        """Take the class counts of the training set."""
        self._counts = {'images': torch.from_numpy(counts.images).double(), 'boxes': torch.from_numpy(counts.boxes).double(),
                        'num_images': torch.tensor(float(counts.num_images), dtype=torch.float64)}

    @property
    def num_counted(self) -> int:
        """Number of classes C that were counted.

        Raises:
            RuntimeError: If there are no counts.
        """
        return len(self._known_counts()['images'])

    def class_counts(self, kind: Literal['images', 'boxes', 'num_images'], num_classes: int, device: torch.device) -> Tensor:
        """Return the images or the boxes of each class, or the number of all images.

        Args:
            kind: Which counts.
            num_classes: Classes C of the head.
            device: Where they shall be.

        Returns:
            Counts, shape (C,), or the number of images, shape (); float64.

        Raises:
            RuntimeError: If there are none.
            ValueError: If they are of another number of classes.
        """
        self.check_classes(num_classes)
        counts = self._known_counts()
        if counts[kind].device != device:
            self._counts = counts = {key: values.to(device) for key, values in counts.items()}
        return counts[kind]

    def check_classes(self, num_classes: int) -> None:
        """Compare the classes of the head with those that were counted.

        Args:
            num_classes: Classes C of the head.

        Raises:
            RuntimeError: If there are no counts.
            ValueError: If they are of another number of classes.
        """
        if self.num_counted != num_classes:
            raise ValueError(f'{type(self).__name__}: the head has {num_classes} classes, the training set {self.num_counted}; '
                             'set num_classes of the head to the number of classes of the data')

    def _known_counts(self) -> dict[str, Tensor]:
        if self._counts is None:
            raise RuntimeError(f'{type(self).__name__} has no class counts; train with a Runner, where ClassCountsHook brings '
                               'them, or call set_class_counts(imbdet.classes.dataset_counts(dataset))')
        return self._counts
