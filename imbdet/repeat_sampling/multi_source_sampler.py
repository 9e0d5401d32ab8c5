"""MultiSourceRepeatFactorSampler: repeat factors for the labelled images of semi-supervised training."""

import itertools
from collections.abc import Iterator
from typing import Any

from mmdet.datasets.samplers import MultiSourceSampler
from mmdet.registry import DATA_SAMPLERS
from mmengine.dist import sync_random_seed

from imbdet.repeat_sampling.repeat_factors import E_IRFS_ALPHA, POWER
from imbdet.repeat_sampling.sampler import RepeatFactorSampler


@DATA_SAMPLERS.register_module()
class MultiSourceRepeatFactorSampler(MultiSourceSampler):
    """Sample the labelled source of semi-supervised training by repeat factors, and the others as mmdet does.

    A drop-in for mmdet's MultiSourceSampler over a ConcatDataset of labelled and unlabelled images: an infinite stream, in
    which each batch has a fixed number of images of each source. The labelled source's images come in epochs of
    :class:`~imbdet.repeat_sampling.RepeatFactorSampler`, one after the other; its labels alone are read. All ranks share one
    stream of each source and take disjoint parts of it. The stream only depends on the seed, and mmengine's iteration loop
    passes over its beginning when a training is resumed.

    mmdet's semi-supervised configs have GroupMultiSourceSampler, whose batches are all portrait or all landscape. It chooses
    between the two by the numbers of images, which would change the factors; here a batch may have both.

    Args:
        dataset: The ConcatDataset; set by mmengine.
        batch_size: Images in a batch on each rank.
        source_ratio: Parts of a batch that come from each source, such as ``[1, 4]``.
        shuffle: Whether images come in random order.
        seed: Seed of all draws, the same on all ranks; mmengine sets the runner's. None: a random seed, shared by all ranks.
        labelled_source: Position of the labelled data set in the ConcatDataset.
        method: As for RepeatFactorSampler, like the following arguments.
        threshold: Frequency in (0, 1] below which a category is repeated.
        alpha: Scale of E-IRFS's exponent.
        image_frequency: E-IRFS's image frequency.
        rounding: ``'systematic'`` or ``'ceil'``.
        power: Power of RFS and IRFS, in (0, 1]. 1/2 is the papers'; other powers are ours.

    Raises:
        ValueError: If the data set is no ConcatDataset, ``labelled_source`` is not one of its sources, a source gets no image
            of a batch, or as for RepeatFactorSampler.

    Examples:
        >>> train_dataloader = dict(sampler=dict(
        ...     _delete_=True, type='MultiSourceRepeatFactorSampler', batch_size=5, source_ratio=[1, 4], threshold=1e-2))
    """

    def __init__(self,
                 dataset: Any,
                 batch_size: int,
                 source_ratio: list[int | float],
                 shuffle: bool = True,
                 seed: int | None = None,
                 labelled_source: int = 0,
                 method: str = 'irfs',
                 threshold: float = 1e-3,
                 alpha: float = E_IRFS_ALPHA,
                 image_frequency: str = 'of-images',
                 rounding: str = 'systematic',
                 power: float = POWER) -> None:
        sources = getattr(dataset, 'datasets', [])
        if not 0 <= labelled_source < len(sources):
            raise ValueError(f'MultiSourceRepeatFactorSampler needs a ConcatDataset that has a source {labelled_source} '
                             f'(labelled_source), got a {type(dataset).__name__} of {len(sources)} sources')
        seed = sync_random_seed() if seed is None else seed
        super().__init__(dataset, batch_size, source_ratio, shuffle, seed)
        if min(self.num_per_source) < 1:  # mmdet would look for one for ever
            raise ValueError(f'batch_size={batch_size} and source_ratio={source_ratio} make batches of {self.num_per_source} '
                             'images of each source, which must be at least 1; change the two')
        self.labelled = RepeatFactorSampler(sources[labelled_source], method, threshold, shuffle, seed, alpha=alpha,
                                            image_frequency=image_frequency, rounding=rounding, power=power)
        self.source2inds[labelled_source] = itertools.islice(self._labelled_indices(), self.rank, None, self.world_size)

    def _labelled_indices(self) -> Iterator[int]:
        """Iterate over the draws of all ranks, one epoch after the other."""
        for epoch in itertools.count():
            yield from self.labelled.draw_epoch(epoch).tolist()
