"""Handing the sampler's factors down to data sets that mix images, and refusing what would distort the factors."""

from typing import Any

import numpy as np
from mmdet.datasets import MultiImageMixDataset
from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset

from imbdet.data.mixing_transforms import uniform_mixing
from imbdet.data.weighted_mix_dataset import WeightedMultiImageMixDataset
from imbdet.data.wrappers import DATA_SETS, walk_dataset


def set_partner_weights(dataset: Any, factors: np.ndarray) -> None:
    """Set the weights of each WeightedMultiImageMixDataset to the factors of its images.

    In a ConcatDataset, each part gets the factors of its own images and draws partners among them, which also gives each
    image its factor times the number of partners. A RepeatDataset holds every image equally often.

    Args:
        dataset: The data set that is sampled, or a wrapper around others.
        factors: Repeat factor of each image, shape (N,), at least 0. A data set whose images all have 0 is never drawn from and
            gets no weights.

    Raises:
        ValueError: If a wrapper's images cannot be matched with those of the WeightedMultiImageMixDataset inside it.
    """
    if isinstance(dataset, WeightedMultiImageMixDataset) and factors.any():
        dataset.set_image_weights(factors)
    if isinstance(dataset, ConcatDataset):
        ends = np.cumsum([len(part) for part in dataset.datasets])
        for part, own in zip(dataset.datasets, np.split(factors, ends[:-1]), strict=True):
            set_partner_weights(part, own)
    elif isinstance(dataset, (RepeatDataset, MultiImageMixDataset)):
        set_partner_weights(dataset.dataset, factors[:len(dataset.dataset)])
    elif any(isinstance(part, WeightedMultiImageMixDataset) for part in walk_dataset(dataset, DATA_SETS)):
        raise ValueError(f'RepeatFactorSampler cannot tell which images of {type(dataset).__name__} are which in the '
                         'WeightedMultiImageMixDataset inside it; put the WeightedMultiImageMixDataset outside')


def refuse_distorted(dataset: Any) -> None:
    """Raise if something in a data set would distort repeat factors: a second repetition, or partners drawn uniformly.

    Args:
        dataset: The data set that is sampled, or a wrapper around others.

    Raises:
        ValueError: If it contains a ClassBalancedDataset, or Mosaic, MixUp, CopyPaste or a transform like them outside a
            WeightedMultiImageMixDataset.
    """
    for part in walk_dataset(dataset, DATA_SETS):
        if isinstance(part, ClassBalancedDataset):
            raise ValueError(f'RepeatFactorSampler over a {type(part).__name__} would repeat images of rare classes twice; '
                             "replace it with its inner data set in the config, or use mmengine's DefaultSampler")
        names = uniform_mixing(getattr(part, 'pipeline', ()))
        if names:
            advice = ("in the data set's config, write type='WeightedMultiImageMixDataset' in place of 'MultiImageMixDataset'"
                      if isinstance(part, MultiImageMixDataset) else
                      'move it into the pipeline of a WeightedMultiImageMixDataset around the data set')
            raise ValueError(f'RepeatFactorSampler: the partner images of {", ".join(names)} in the {type(part).__name__} are '
                             f'drawn uniformly, so that an image would not be seen as often as its factor says; {advice}')
