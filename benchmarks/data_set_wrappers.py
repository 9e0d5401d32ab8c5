"""Wrappers of data sets, each around a CocoDataset."""

from collections.abc import Callable
from typing import Any, NamedTuple

from data_set_checks import Case
from mmdet.registry import DATASETS

MOSAIC = {'type': 'Mosaic', 'img_scale': (80, 120)}


class Wrapper(NamedTuple):
    """A wrapper.

    Attributes:
        config: Makes its config from that of the data set inside.
        images: Which images of the data set it has, from the wrapper that was built and the number of images.
    """

    config: Callable[[dict], dict]
    images: Callable[[Any, int], Any]


def _all(_: Any, number: int) -> list[int]:
    return [*range(number)]


def _twice(_: Any, number: int) -> list[int]:
    return [*range(number)] * 2


WRAPPERS = {
    'ConcatDataset': Wrapper(lambda inner: {'type': 'ConcatDataset', 'datasets': [inner, inner]}, _twice),
    'RepeatDataset': Wrapper(lambda inner: {'type': 'RepeatDataset', 'times': 2, 'dataset': inner}, _twice),
    'ClassBalancedDataset': Wrapper(
        lambda inner: {'type': 'ClassBalancedDataset', 'oversample_thr': 0.9, 'dataset': inner},
        lambda dataset, _: dataset.repeat_indices),
    'MultiImageMixDataset': Wrapper(
        lambda inner: {'type': 'MultiImageMixDataset', 'pipeline': [], 'dataset': inner}, _all),
    'MultiImageMixDataset with Mosaic': Wrapper(
        lambda inner: {'type': 'MultiImageMixDataset', 'pipeline': [MOSAIC], 'dataset': inner}, _all),
    'WeightedMultiImageMixDataset (imbdet) with Mosaic': Wrapper(
        lambda inner: {'type': 'WeightedMultiImageMixDataset', 'pipeline': [MOSAIC], 'dataset': inner}, _all),
}


def wrap(case: Case, name: str) -> Case:
    """Build a wrapper around a data set; its images are those of the data set, as often as the wrapper has them."""
    wrapper = WRAPPERS[name]
    dataset = DATASETS.build(wrapper.config({'pipeline': [], **case.written.config}))
    boxes = list(case.written.images.values())
    images = {str(place): boxes[index] for place, index in enumerate(wrapper.images(dataset, len(boxes)))}
    return Case(type(dataset), case.written._replace(images=images), dataset)
