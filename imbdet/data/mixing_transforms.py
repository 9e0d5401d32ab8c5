"""Transforms that mix further images into one: which a data set has, and where they take their partner images from."""

from typing import Any

from imbdet.data.mixing_step import MixingStep
from imbdet.data.wrappers import walk_dataset


def draws_partners(transform: Any) -> bool:
    """Return whether a transform draws its partner images from the data set: mmdet's Mosaic, MixUp, CopyPaste and the like.

    mmdet's MultiImageMixDataset calls ``get_indexes`` of such a transform and hands it these images. CachedMosaic and
    CachedMixUp have a ``get_indexes`` too, but take their partners from a cache of the images that they got before.

    Args:
        transform: A transform.
    """
    return hasattr(transform, 'get_indexes') and not hasattr(transform, 'results_cache')


def mixing_transforms(dataset: Any) -> list[Any]:
    """List the transforms that mix several images into one, cached ones included.

    Args:
        dataset: A data set, a wrapper around others, or a pipeline.

    Returns:
        The transforms, without the steps that a WeightedMultiImageMixDataset puts around them.
    """
    return [part for part in walk_dataset(dataset) if hasattr(part, 'get_indexes') and not isinstance(part, MixingStep)]


def uniform_mixing(dataset: Any) -> list[str]:
    """List the transforms whose partner images do not follow a sampler.

    Args:
        dataset: A data set, a wrapper around others, or a pipeline.

    Returns:
        Their class names, sorted, each once: those that draw from the data set, outside a WeightedMultiImageMixDataset.
    """
    weighted = _inside_steps(dataset, record_shares=False)
    return _names([part for part in mixing_transforms(dataset) if draws_partners(part) and id(part) not in weighted])


def unrecorded_mixing(dataset: Any) -> list[str]:
    """List the transforms that mix images without writing into the sample which ones.

    Args:
        dataset: A data set, a wrapper around others, or a pipeline.

    Returns:
        Their class names, sorted, each once: all but those of a WeightedMultiImageMixDataset with ``record_shares=True``.
    """
    recorded = _inside_steps(dataset, record_shares=True)
    return _names([part for part in mixing_transforms(dataset) if id(part) not in recorded])


def _inside_steps(dataset: Any, record_shares: bool) -> set[int]:
    return {id(transform) for step in walk_dataset(dataset) if isinstance(step, MixingStep)
            if step.record_shares or not record_shares for transform in step.transforms}


def _names(transforms: list[Any]) -> list[str]:
    return sorted({type(transform).__name__ for transform in transforms})
