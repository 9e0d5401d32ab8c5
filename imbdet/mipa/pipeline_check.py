"""Trying a pipeline on a made pair, to see which of its transforms do not take six channels."""

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np
from mmcv.transforms import Compose, Pad, RandomApply, RandomChoice
from mmdet.datasets.transforms import PhotoMetricDistortion, YOLOXHSVRandomAug
from mmdet.datasets.transforms.colorspace import ColorTransform

from imbdet.mipa.paired_transforms import LoadImagePair, OnModality
from imbdet.training.random_state import preserve_rng_state

TRIALS = 4
"""How often each transform is tried, as many choose at random what they do."""


def check_pipeline(transforms: Iterable[Any], data_info: dict) -> None:
    """Raise unless all transforms of a pipeline take an image of six channels and treat both halves alike.

    Each transform is tried, also those inside RandomChoice and RandomApply, on a made pair whose halves are the same: they
    have to be the same afterwards. Nothing is read but the annotations of one image, and the random generators stay as
    they were. A transform with a probability ``prob`` is tried as if that were 1.

    Args:
        transforms: The pipeline.
        data_info: What the data set knows of one of its images.

    Raises:
        ValueError: If a transform fails, changes the number of channels, or treats the halves differently, by its name.
    """
    with preserve_rng_state():
        for seed in range(TRIALS):
            np.random.seed(seed)
            image = np.random.randint(0, 256, (data_info['height'], data_info['width'], 3), dtype=np.uint8)
            results = {**data_info, 'img': np.concatenate([image, image], axis=2),
                       'img_shape': image.shape[:2], 'ori_shape': image.shape[:2]}
            _try_all(transforms, results)


def _try_all(transforms: Iterable[Any], results: dict) -> dict:
    """Try transform after transform, each on the results of the one before."""
    for transform in transforms:
        if isinstance(transform, LoadImagePair):
            continue
        if isinstance(transform, RandomChoice):
            branches = [_try_all(branch, results) for branch in transform.transforms]
            results = branches[0]
        elif isinstance(transform, Compose | RandomApply):
            results = _try_all(transform, results)
        else:
            results = _try(transform, results)
    return results


def _try(transform: Any, results: dict) -> dict:
    name = type(transform).__name__
    if hasattr(transform, 'get_indexes'):
        raise _refusal(transform, f'{name} makes one image out of several')
    eager = copy.deepcopy(transform)
    if isinstance(getattr(eager, 'prob', None), float):
        eager.prob = 1.0
    try:
        changed = eager(copy.deepcopy(results))  # of which the other branches of a RandomChoice begin, too
    except Exception as error:  # whatever a transform raises
        said = ' '.join(str(error).split())[:200]  # OpenCV's fill lines
        raise _refusal(transform, f'{name} fails on it ({type(error).__name__}: {said})') from error
    if changed is None:  # dropped the image, as RandomCrop does when no box is left
        return results
    if 'img' not in changed or 'inputs' in changed:  # packed
        return changed
    image = changed['img']
    if image.ndim != 3 or image.shape[2] != 6:
        raise _refusal(transform, f'{name} returns an image of shape {image.shape}')
    if isinstance(transform, OnModality):
        changed['img'] = results['img']
    elif not np.array_equal(image[..., :3], image[..., 3:]):
        raise _refusal(transform, f'{name} treats the visible and the infrared half differently')
    return changed


def _refusal(transform: Any, reason: str) -> ValueError:
    if isinstance(transform, PhotoMetricDistortion | YOLOXHSVRandomAug | ColorTransform):
        advice = "wrap it: dict(type='OnModality', modality='rgb', transforms=[...])"
    elif isinstance(transform, Pad):
        advice = 'pad by pad_size_divisor of MiPaDataPreprocessor'
    else:
        advice = 'take it out of the pipeline, or wrap it into OnModality if it changes no more than values'
    return ValueError(f'the pipeline has a transform that does not take the six channels of an image pair: {reason}; {advice}')
