"""Images that a pipeline mixes out of several: what each consists of, or a refusal where that is not known."""

from collections.abc import Sequence
from typing import Any

from imbdet.data.mixed_shares import MIXED_IMAGES
from imbdet.data.mixing_transforms import unrecorded_mixing


def check_mixing(dataset: Any) -> None:
    """Refuse pipelines that mix images without writing into the sample which ones.

    Args:
        dataset: A data set, also a wrapper around others.

    Raises:
        ValueError: If there is such a transform, by its name: Mosaic, MixUp or CopyPaste in mmdet's MultiImageMixDataset, a
            cached one, or another that asks for further images by ``get_indexes``.
    """
    transforms = unrecorded_mixing(dataset)
    if transforms:
        raise ValueError(f'DatasetEquityHook: {", ".join(transforms)} of the training pipeline makes one image out of several '
                         'and does not record which, so that weights cannot be averaged; write Mosaic, MixUp or CopyPaste '
                         "into a dataset=dict(type='WeightedMultiImageMixDataset', record_shares=True, ...), or remove the "
                         'transform from the pipeline')


def source_images(sample: Any) -> Sequence[tuple[str, float]]:
    """Return the images that a sample consists of.

    Args:
        sample: A data sample.

    Returns:
        Path and share of each, the shares with sum 1: those of its ``mixed_images``, or its own ``img_path``; none if it does
        not have that either.
    """
    path = getattr(sample, 'img_path', None)
    return getattr(sample, MIXED_IMAGES, None) or ([] if path is None else [(str(path), 1.0)])
