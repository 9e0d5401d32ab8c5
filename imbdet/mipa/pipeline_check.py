"""Dry run of a pipeline on a synthetic pair, to find transforms that do not support six channels."""

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
"""Number of dry runs per transform, since many make random choices."""


def check_pipeline(transforms: Iterable[Any], data_info: dict) -> None:
    """Raise unless all transforms of a pipeline support six channels and treat both halves equally.

    Each transform, also inside RandomChoice and RandomApply, is dry-run on a synthetic pair with identical halves, which have
    to be identical afterwards. Only the annotations of one image are read, and the states of the random generators are
    restored. A transform with a probability ``prob`` is run with probability 1.

    Args:
        transforms: The pipeline.
        data_info: The data set's record of one of its images.

    Raises:
        ValueError: If a transform fails, changes the number of channels, or treats the halves differently; with its name.
    """
    with preserve_rng_state():
        for seed in range(TRIALS):
            np.random.seed(seed)
            image = np.random.randint(0, 256, (data_info['height'], data_info['width'], 3), dtype=np.uint8)
            results = {**data_info, 'img': np.concatenate([image, image], axis=2),
                       'img_shape': image.shape[:2], 'ori_shape': image.shape[:2]}
            _try_all(transforms, results)


def _try_all(transforms: Iterable[Any], results: dict) -> dict:
    """Run all transforms, each on the results of the previous one."""
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
        raise _refusal(transform, f'{name} combines several images')
    eager = copy.deepcopy(transform)
    if isinstance(getattr(eager, 'prob', None), float):
        eager.prob = 1.0
    try:
        changed = eager(copy.deepcopy(results))  # other branches of a RandomChoice start from the same results
    except Exception as error:  # whatever a transform raises
        said = ' '.join(str(error).split())[:200]  # OpenCV's messages are long
        raise _refusal(transform, f'{name} fails ({type(error).__name__}: {said})') from error
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
        advice = 'pad with pad_size_divisor of MiPaDataPreprocessor'
    else:
        advice = 'remove it from the pipeline, or wrap it in OnModality if it only changes pixel values'
    return ValueError(f'the pipeline has a transform that does not support the six channels of an image pair: {reason}; '
                      f'{advice}')
