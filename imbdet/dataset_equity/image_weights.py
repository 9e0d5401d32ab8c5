"""The weights of a data set's images."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from imbdet.data.image_table import MISSING, ImageKey
from imbdet.dataset_equity.likelihood_file import read_likelihoods
from imbdet.dataset_equity.likelihoods import equity_weights

ON_MISSING = ('error', 'mean', 'rare')


def image_weights(likelihoods: str | Path,
                  images: Sequence[ImageKey],
                  eta: float = 1.0,
                  gamma: float = 5.0,
                  on_missing: str = 'error') -> np.ndarray:
    """Give each image its weight.

    Args:
        likelihoods: File of likelihoods.
        images: The images.
        eta: As in :func:`equity_weights`.
        gamma: As in :func:`equity_weights`.
        on_missing: What becomes of an image that the file does not hold: ``'error'``, ``'mean'`` (the mean weight of the
            others) or ``'rare'`` (p = 0).

    Returns:
        Weights, shape (len(images),), float64.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no file of likelihoods, or images are missing and that is an error, or all are missing.
    """
    content = read_likelihoods(likelihoods)
    positions = content.find(images)
    missing = positions == MISSING
    names = [image.img_path for image, lacks in zip(images, missing, strict=True) if lacks]
    if names:
        unreadable = f' ({len(content.skipped)} images could not be read when it was made)' if len(content.skipped) else ''
        message = (f'{likelihoods} holds no likelihood of {len(names)} of {len(images)} training images, such as '
                   f'{", ".join(names[:3])}{unreadable}')
        if on_missing == 'error' or missing.all():
            raise ValueError(f"{message}; make it again, or choose on_missing='mean' or 'rare'")
        print_log(f'{message}: on_missing={on_missing!r}', logger='current', level=logging.WARNING)
    weights = equity_weights(content.likelihoods[positions], eta, gamma)
    weights[missing] = weights[~missing].mean() if on_missing == 'mean' else equity_weights(0.0, eta, gamma)
    return weights
