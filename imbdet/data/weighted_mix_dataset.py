"""WeightedMultiImageMixDataset: Mosaic, MixUp and CopyPaste whose partner images are drawn by weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmdet.datasets import MultiImageMixDataset
from mmdet.datasets.transforms import CopyPaste, MixUp, Mosaic
from mmdet.registry import DATASETS

from imbdet.data.mixed_shares import MIXED_IMAGES
from imbdet.data.mixing_step import MixingStep
from imbdet.data.mixing_transforms import draws_partners, mixing_transforms

MEASURABLE = (Mosaic, MixUp, CopyPaste)
"""Transforms that are linear in their images and the same in every channel, which ``record_shares`` needs."""


@DATASETS.register_module()
class WeightedMultiImageMixDataset(MultiImageMixDataset):
    r"""mmdet's MultiImageMixDataset with partner images drawn by weights: for Mosaic, MixUp and CopyPaste under a sampler.

    mmdet draws the partners uniformly, whatever the sampler is. With repeat factors r and k partners, an image is then seen
    r(i) times as main image but only k times the mean factor as a partner. Here the sampler hands its factors down, and a
    partner is image i with probability

    .. math:: P(i) = r(i) / \textstyle\sum_j r(j)

    so that an epoch shows image i (1 + k) r(i) times in expectation. MixUp still draws again if an image has no boxes, which
    gives these probabilities among the images that have some. Without weights, everything is as in mmdet, the random numbers
    included.

    Args:
        *args: As for mmdet's MultiImageMixDataset: ``dataset``, ``pipeline``, ``skip_type_keys``, ``max_refetch``,
            ``lazy_init``.
        record_shares: Whether to write into each sample's metainfo which images it consists of, for weights by image:
            ``mixed_images`` is a tuple of (``img_path``, share). A share is the part of the mixed area that the image
            contributes, without padding, see :func:`~imbdet.data.mixed_shares.source_shares`; transforms after the mixing
            (crops, flips, RandomAffine) are not followed. It takes a second mixing, of test images. Only for Mosaic, MixUp
            and CopyPaste. A sample that was not mixed has no ``mixed_images``.
        **keys: As for mmdet's MultiImageMixDataset.

    Raises:
        ValueError: If ``record_shares`` is set and a transform cannot be measured, or no PackDetInputs packs the samples.

    Examples:
        >>> train_dataloader = dict(sampler=dict(type='RepeatFactorSampler'), dataset=dict(type='WeightedMultiImageMixDataset'))
    """

    def __init__(self, *args: Any, record_shares: bool = False, **keys: Any) -> None:
        super().__init__(*args, **keys)
        if record_shares:
            self._prepare_record()
        self.record_shares = record_shares
        self.pipeline: list[Any] = [
            MixingStep(step, record_shares) if draws_partners(step) else step for step in self.pipeline]

    def set_image_weights(self, weights: Sequence[float] | np.ndarray) -> None:
        """Set the weights by which partners are drawn. Worker processes see what is set before they start.

        Args:
            weights: Weight of each image, shape (N,), at least 0 and finite, one of them above 0; only their ratios matter.

        Raises:
            ValueError: If they are not N such numbers.
        """
        values = np.asarray(weights, dtype=np.float64)
        if values.shape != (len(self), ) or not ((values >= 0) & (values < np.inf)).all() or not values.any():
            raise ValueError(f'WeightedMultiImageMixDataset needs a finite weight of at least 0 for each of its {len(self)} '
                             f'images, and one above 0, got shape {values.shape}, smallest {values.min(initial=np.inf)}, '
                             f'largest {values.max(initial=-np.inf)}')
        cumulative = np.cumsum(values)
        for step in self.pipeline:
            if isinstance(step, MixingStep):
                step.cumulative = cumulative / cumulative[-1]

    def _prepare_record(self) -> None:
        unknown = sorted({type(transform).__name__ for transform in mixing_transforms(self)
                          if not (draws_partners(transform) and isinstance(transform, MEASURABLE))})
        if unknown:
            raise ValueError('WeightedMultiImageMixDataset: record_shares=True cannot measure the shares of '
                             f'{", ".join(unknown)}, only of {", ".join(kind.__name__ for kind in MEASURABLE)} in its own '
                             'pipeline; use these, or remove record_shares')
        packing = [step for step in self.pipeline if hasattr(step, 'meta_keys')]
        if not packing:
            raise ValueError('WeightedMultiImageMixDataset: record_shares=True needs a PackDetInputs in its own pipeline, to '
                             "write 'mixed_images' into the samples' metainfo")
        for step in packing:
            step.meta_keys = (*step.meta_keys, MIXED_IMAGES)
