"""Class-aware draw: a class first, then one of its images.

Over arrays, without mmdet.
"""

from collections.abc import Sequence

import numpy as np

from imbdet.classes import ClassCounts

# One seed gives independent permutations of the classes and of the images of each class.
CLASSES, IMAGES = 1, 2


class ClassAwareDraws:
    r"""Epochs of a data set of N images, in which all C classes that have images are drawn equally often.

    Each draw takes a class, then an image of it. The classes come in permutations of all C, one after the other. The images
    of a class, :math:`n_c` of them, come in permutations too: none is drawn for the class again before all were drawn for it.
    Both orders run on from epoch to epoch. They only depend on the seed, so that any epoch can be drawn without those before.

    An epoch has N draws. It draws each class N / C times, off by less than two draws, and image i in expectation

    .. math:: r(i) = \sum_{c \in i} r(c),\qquad r(c) = \frac{N}{C n_c}

    times: exactly so over all seeds, and over all epochs of a seed. The idea is that of class-aware sampling (Relay
    Backpropagation, arXiv 1512.05830); the orders are ours.

    Args:
        labels: For each image its class labels, integers in [0, number of classes); repeats are allowed, order does not
            matter. An image without labels is never drawn.
        counts: The counts of the labels.

    Attributes:
        category_factors: Draws of each class divided by the number of its images, which plain shuffling draws: r(c) above,
            shape (number of classes,), float64; 0 for a class without images.
        image_factors: Expected draws of each image in an epoch: r(i) above, shape (N,), float64; below 1 for many images, 0
            for those without labels.
        epoch_size: Number of draws in an epoch, N.

    Raises:
        ValueError: If no class has an image.
    """

    def __init__(self, labels: Sequence[np.ndarray], counts: ClassCounts) -> None:
        if not counts.images.any():
            raise ValueError("no class has an image, so method='class-aware' has nothing to draw; check whether the "
                             'annotations have boxes of these classes that are neither crowds nor ignored')
        self.epoch_size = counts.num_images
        present = counts.images > 0
        self.category_factors = np.zeros(len(present))
        self.category_factors[present] = self.epoch_size / (present.sum() * counts.images[present])
        lengths = [len(image_labels) for image_labels in labels]
        images = np.repeat(np.arange(len(labels)), lengths)
        pairs = np.sort(np.concatenate(labels) * len(labels) + images)  # a box's class and image in one number
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]  # once each; np.unique takes several times as long
        classes, images = np.divmod(pairs, len(labels))
        self.image_factors = np.bincount(images, self.category_factors[classes], minlength=len(labels))
        self._classes = np.flatnonzero(present)
        self._images = np.split(images, np.cumsum(counts.images[present])[:-1])  # of each of these classes

    def draw(self, seed: int, epoch: int, shuffle: bool) -> np.ndarray:
        """Draw an epoch; the same for the same arguments.

        Args:
            seed: Seed of all draws, at least 0.
            epoch: Number of the epoch, at least 0.
            shuffle: Whether it comes in the order of the draws, or sorted.

        Returns:
            Indices into the images, shape (epoch_size,), int64.
        """
        number = len(self._classes)
        first = epoch * self.epoch_size
        drawn = cycled_permutations(number, first, self.epoch_size, (seed, CLASSES))
        # Each permutation of the classes draws each class once: permutation b holds the b-th draw of every class.
        turns = np.arange(first, first + self.epoch_size) // number
        indices = np.empty(self.epoch_size, dtype=np.int64)
        by_class = np.split(np.argsort(drawn, kind='stable'), np.cumsum(np.bincount(drawn, minlength=number))[:-1])
        for label, images, own in zip(self._classes.tolist(), self._images, by_class, strict=True):
            if len(own):  # an epoch of fewer draws than classes leaves some out
                order = cycled_permutations(len(images), int(turns[own[0]]), len(own), (seed, IMAGES, label))
                indices[own] = images[order]
        return indices if shuffle else np.sort(indices)


def cycled_permutations(size: int, first: int, number: int, seed: tuple[int, ...]) -> np.ndarray:
    """Read a part of an endless order of ``size`` things: random permutations of all of them, one after the other.

    Args:
        size: Number of things, at least 1.
        first: Position in the order of the first one to read, at least 0.
        number: How many to read, at least 1.
        seed: Seeds of the order, integers of at least 0.

    Returns:
        Integers in [0, size), shape (number,), int64.
    """
    if size == 1:
        return np.zeros(number, dtype=np.int64)
    cycles = range(first // size, (first + number - 1) // size + 1)
    order = np.concatenate([np.random.default_rng((*seed, cycle)).permutation(size) for cycle in cycles])
    return order[first % size:][:number]
