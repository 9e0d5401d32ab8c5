"""RepeatFactorSampler: repeats images of rare categories (RFS, IRFS, E-IRFS), or draws all categories equally often."""

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmdet.registry import DATA_SAMPLERS
from mmengine.dist import get_dist_info, sync_random_seed
from mmengine.logging import print_log
from torch.utils.data import Sampler

from imbdet.classes import ClassCounts, class_names, count_classes
from imbdet.data import check_dataset_classes, labels_per_image, walk_dataset
from imbdet.data.image_table import image_keys
from imbdet.repeat_sampling.partner_weights import refuse_distorted, set_partner_weights
from imbdet.repeat_sampling.repeat_factors import E_IRFS_ALPHA, POWER
from imbdet.repeat_sampling.repeat_rule import CLASS_AWARE, RepeatRule
from imbdet.repeat_sampling.weights_file import likelihood_multipliers, read_image_weights


@DATA_SAMPLERS.register_module()
class RepeatFactorSampler(Sampler[int]):
    r"""Repeat each image by the factor of its rarest category.

    .. math::
        r(i) = \max_{c \in i} r(c),\qquad r(c) = \max(1, (t / f(c))^p)

    with f(c) the fraction of images that contain c (``'rfs'``, arXiv 1908.03195) or its geometric mean with the fraction of
    boxes (``'irfs'``, arXiv 2305.08069). Each epoch rounds the factors again, so that the expected count of an image is its
    factor, while the length of the epoch never changes (see :func:`~imbdet.repeat_sampling.systematic_indices`). With
    ``'e-irfs'`` (arXiv 2503.21893), an epoch draws as many images as the data set has, with replacement and probability
    r(i) / sum r; its public code uses ``threshold=1e-4``.

    The power p is 1/2 in the papers; other powers are ours. RFS with ``threshold=1, power=1`` shows all classes equally often,
    as far as images with several classes allow. Its epoch, as long as the sum of the factors, is long: on LVIS v1 between 9 and
    1,200 times the data set, by the class counts. Trainings that count iterations do not mind.

    ``'class-aware'`` draws a class first, then an image of it, so that all classes are drawn equally often. An epoch draws as
    many images as the data set has. No image is drawn for a class again before all images of the class were, also across
    epochs. The factor of an image is its expected number of draws per epoch, below 1 for many images; images without labels
    are never drawn. See :class:`~imbdet.repeat_sampling.class_aware.ClassAwareDraws`.

    With a file of image weights, the factor of an image is multiplied by its weight divided by the smallest weight of the
    file: in expectation, this is the same as weighting its losses. The CSV table that ``imbdet likelihoods`` writes contains
    weights by appearance (see :class:`~imbdet.dataset_equity.DatasetEquityHook`). This combination is not from a paper.

    The draw of an epoch only depends on the seed and the epoch, and resuming reproduces the uninterrupted order. mmengine's
    epoch loop: from a checkpoint at the end of an epoch; a mid-epoch checkpoint restarts that epoch. Iteration loop: from any
    checkpoint; finished batches are read again and skipped, which costs loading time. Without a seed in the config,
    ``imbdet train`` uses that of the checkpoint; without imbdet's tools, set one.

    Crowd and ignored boxes do not count. Labels are read from the data set in one pass; any mmdet data set or wrapper with
    ``get_data_info`` is supported. All ranks share one order and take disjoint parts of it.

    Mosaic, MixUp and CopyPaste need :class:`~imbdet.data.WeightedMultiImageMixDataset`, which draws the partner images by the
    factors too; under mmdet's MultiImageMixDataset these would be drawn uniformly, which is refused. CachedMosaic and
    CachedMixUp take their partners from the images that this sampler drew before, so these have the factors already.
    A ClassBalancedDataset inside is refused; it would repeat twice. A RepeatDataset repeats all images alike.

    Args:
        dataset: The data set to sample from; set by mmengine.
        method: ``'irfs'``, ``'rfs'``, ``'e-irfs'`` or ``'class-aware'``, which takes neither weights nor any of ``threshold``,
            ``alpha``, ``image_frequency``, ``rounding`` and ``power``.
        threshold: Frequency in (0, 1] below which a category is repeated.
        shuffle: Whether an epoch comes in random order; otherwise sorted, with copies next to each other.
        seed: Seed of all draws, the same on all ranks; mmengine sets the runner's. None: a random seed, shared by all
            ranks.
        round_up: Whether to repeat the first images of an epoch until all ranks have the same number.
        image_weights: CSV file with the columns ``image_id``, ``path`` and ``weight``, see
            :func:`~imbdet.repeat_sampling.weights_file.read_image_weights`. None: no weights.
        likelihoods: Weights from an ``npz`` file of likelihoods: w(p) / w(1) = 1 + (1 - p)^gamma / eta. As in imbdet 0.1; to be
            removed in 0.3.
        eta: Parameter of ``likelihoods``, above 0.
        gamma: Parameter of ``likelihoods``, at least 0.
        alpha: Scale of E-IRFS's exponent, above 0.
        image_frequency: E-IRFS's image frequency: a category's images divided by the number of images (``'of-images'``), or
            by the sum of all categories' image counts, as in its authors' code (``'of-image-counts'``).
        rounding: ``'systematic'``: each epoch rounds the factors again, exact in expectation. ``'ceil'``: every epoch has
            each image as often as its factor rounded up, exactly as mmengine's ClassBalancedDataset (with RFS, without
            crowd boxes); ``image_factors`` are then whole numbers.
        power: Power p of RFS and IRFS, in (0, 1]. 1/2 is the papers'; other powers are ours.

    Raises:
        ValueError: If the method is unknown, a value is out of range or has no meaning with the method, the data set is
            empty, no class has an image (``'class-aware'``), its ``classes`` are not those of its annotation file, it repeats
            or mixes images otherwise than by the factors, an image is not in the file of weights, or both files are given.
        TypeError: If labels cannot be read from the data set.

    Examples:
        >>> train_dataloader = dict(sampler=dict(type='RepeatFactorSampler', method='irfs', threshold=1e-3))
    """

    def __init__(self,
                 dataset: Any,
                 method: str = 'irfs',
                 threshold: float = 1e-3,
                 shuffle: bool = True,
                 seed: int | None = None,
                 round_up: bool = True,
                 likelihoods: str | Path | None = None,
                 eta: float = 1.0,
                 gamma: float = 5.0,
                 image_weights: str | Path | None = None,
                 alpha: float = E_IRFS_ALPHA,
                 image_frequency: str = 'of-images',
                 rounding: str = 'systematic',
                 power: float = POWER) -> None:
        self.rule = RepeatRule(method, threshold, alpha, image_frequency, rounding, power)
        _check_weights(method, image_weights, likelihoods)
        if len(dataset) == 0:
            raise ValueError(f'the {type(dataset).__name__} to sample from has no images; check whether its filter_cfg or its '
                             'classes remove them all')
        refuse_distorted(dataset)  # before the pass over the data set, which may take seconds
        labels = labels_per_image(dataset)
        check_dataset_classes(dataset)
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        self.method = method
        self.threshold = threshold
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.round_up = round_up
        self.epoch = 0

        names = class_names(dataset)
        multipliers: float | np.ndarray = 1.0
        if likelihoods is not None:
            multipliers = likelihood_multipliers(likelihoods, image_keys(dataset), eta, gamma)
        if image_weights is not None:
            multipliers = read_image_weights(image_weights, image_keys(dataset))
        try:
            counts = count_classes(labels, len(names))
            self.draws = self.rule.draws(labels, counts, multipliers)
        except ValueError as error:
            raise ValueError(f'{type(dataset).__name__}: {error}') from error
        self.category_factors = self.draws.category_factors
        self.image_factors = self.draws.image_factors
        self.epoch_size = self.draws.epoch_size
        set_partner_weights(dataset, self.image_factors)
        self._log(names, counts)

    def _log(self, names: tuple[str, ...], counts: ClassCounts) -> None:
        """Log what is repeated, and warn of classes without images, images never drawn, and images that may be replaced."""
        largest = int(self.category_factors.argmax())
        print_log(
            f'RepeatFactorSampler ({self.rule}): '
            f'{np.count_nonzero(self.category_factors > 1)} of {len(names)} classes and '
            f'{np.count_nonzero(self.image_factors > 1)} of {len(self.dataset)} images have a factor above 1; largest: '
            f'{self.category_factors[largest]:.4g} ({names[largest]}); an epoch draws {self.epoch_size} images, '
            f"{self.epoch_size / len(self.dataset):.3f} of the data set's length", logger='current')
        absent = [name for name, count in zip(names, counts.images, strict=True) if count == 0]
        if absent:
            print_log(f'RepeatFactorSampler: {len(absent)} classes have no training image and cannot be '
                      f'learned: {", ".join(absent[:20])}{", ..." if len(absent) > 20 else ""}', logger='current',
                      level=logging.WARNING)
        num_never = np.count_nonzero(self.image_factors == 0)
        if num_never:
            print_log(f'RepeatFactorSampler: {num_never} of {len(self.dataset)} images have no labels and are never drawn by '
                      f'method={self.method!r}', logger='current', level=logging.WARNING)
        if any(getattr(part, 'ignore_empty', False) for part in walk_dataset(self.dataset)):  # of mmcv's LoadImageFromFile
            print_log('RepeatFactorSampler: with ignore_empty=True in the pipeline, unreadable images are replaced with random '
                      'ones, which distorts the repeat factors; add CheckImagesHook to custom_hooks to find such images '
                      'before training', logger='current', level=logging.WARNING)

    def __len__(self) -> int:
        """Return the number of images that this rank draws in an epoch; the same in every epoch."""
        if self.round_up:
            return math.ceil(self.epoch_size / self.world_size)
        return math.ceil((self.epoch_size - self.rank) / self.world_size)

    def draw_epoch(self, epoch: int) -> np.ndarray:
        """Draw the images of an epoch, for all ranks together.

        Args:
            epoch: Number of the epoch, at least 0.

        Returns:
            Indices into the data set, shape (epoch_size,), int64.
        """
        return self.draws.draw(self.seed, epoch, self.shuffle)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the images that this rank draws in the current epoch."""
        indices = self.draw_epoch(self.epoch)
        if self.round_up:  # np.resize continues with the first image
            indices = np.resize(indices, len(self) * self.world_size)
        return iter(indices[self.rank::self.world_size].tolist())

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next draw.

        Args:
            epoch: Number of the epoch, at least 0.
        """
        self.epoch = epoch


def _check_weights(method: str, image_weights: str | Path | None, likelihoods: str | Path | None) -> None:
    """Raise ValueError if both files are set, or one with a method that has no factors to multiply."""
    if image_weights is not None and likelihoods is not None:
        raise ValueError('image_weights and likelihoods cannot both be set: factors would be multiplied twice; remove one')
    for name, path in (('image_weights', image_weights), ('likelihoods', likelihoods)):
        if method == CLASS_AWARE and path is not None:
            raise ValueError(f"{name}={str(path)!r} has no meaning with method='class-aware', which draws the images of a "
                             'class equally often; remove it')
