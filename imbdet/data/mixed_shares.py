"""What a mixed image consists of: the share of its area that each source image contributes."""

import copy
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

MIXED_IMAGES = 'mixed_images'
"""Key of a sample's ``results``, and then of its metainfo, with the shares of its images."""
CHANNELS = 3
LEVEL = 254  # its half is a whole number, which MixUp's average keeps exactly


def source_shares(transform: Any, results: dict) -> np.ndarray:
    r"""Measure how much of a mixed image each of its sources contributes.

    The transform is run on test images in place of the pictures, with the same random numbers. Mixing is linear in its
    images and the same in every channel, :math:`y = \sum_k \alpha_k x_k + y_0`, with the padding :math:`y_0`. So a channel
    that is white in source k and black in all others is :math:`254 \alpha_k + y_0`, and one that is black in all sources is
    :math:`y_0`. Their difference, summed over the area, is what source k contributes. Padding counts for nobody; where two
    images are blended, each counts as much as it shows.

    The generators of ``random`` and ``numpy.random`` are left as they were, so that the transform mixes the pictures alike.

    Args:
        transform: mmdet's Mosaic, MixUp or CopyPaste, or a transform of the same kind.
        results: What the transform gets: the main image's ``img``, its boxes, and ``mix_results`` with those of the K - 1
            partners. It is not changed.

    Returns:
        Shares of the main image and its partners, shape (K,), float64, at least 0, with sum 1.
    """
    number = 1 + len(results['mix_results'])
    sums: list[float] = []
    for first in range(0, number + 1, CHANNELS):
        planes = range(first, min(first + CHANNELS, number + 1))  # plane 0 shows no source, plane k source k - 1
        with _repeated_randomness():
            mixed = transform(_with_test_images(results, planes))['img']
        sums += [float(mixed[..., plane - first].sum(dtype=np.float64)) for plane in planes]
    padding, *sources = sums
    areas = np.maximum(np.array(sources) - padding, 0)
    if not areas.any():  # nothing but padding
        areas[0] = 1
    return areas / areas.sum()


def merge_shares(results: dict, shares: Sequence[float] | np.ndarray) -> tuple[tuple[str, float], ...]:
    """Add up the shares of each image, also where a source is itself mixed.

    Args:
        results: The main image's, with ``mix_results``; each has ``img_path``, or ``mixed_images`` if it is mixed already.
        shares: Shares of the main image and its partners, shape (K,), with sum 1.

    Returns:
        Path and share of each image that contributes; the shares are above 0, with sum 1.
    """
    merged: dict[str, float] = {}
    for source, share in zip([results, *results['mix_results']], shares, strict=True):
        for path, part in source.get(MIXED_IMAGES) or ((str(source['img_path']), 1.0), ):
            if share * part > 0:
                merged[path] = merged.get(path, 0.0) + float(share * part)
    return tuple(merged.items())


def _with_test_images(results: dict, planes: range) -> dict:
    """Copy what a transform gets, with images that are white in one channel each."""
    sources = []
    for number, source in enumerate([results, *results['mix_results']]):
        image = np.zeros((*source['img'].shape[:2], CHANNELS), np.uint8)
        if number + 1 in planes:
            image[..., number + 1 - planes.start] = LEVEL
        sources.append({'img': image, **copy.deepcopy({key: value for key, value in source.items()
                                                       if key not in ('img', 'mix_results')})})
    return {**sources[0], 'mix_results': sources[1:]}


@contextmanager
def _repeated_randomness() -> Iterator[None]:
    states = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
