"""Transforms for image pairs: loading, and changing only one modality."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform, Compose
from mmdet.registry import TRANSFORMS

from imbdet.mipa.read_pair import read_modality

HALVES = {'rgb': slice(0, 3), 'ir': slice(3, 6)}
"""Channels of a pair."""


@TRANSFORMS.register_module()
class LoadImagePair(BaseTransform):
    """Load the images of PairedCocoDataset's modality, and no others.

    A pair becomes an image of six channels, visible in BGR and then infrared, so that all later geometric transforms apply to
    both. A single modality becomes an image of three channels.

    Visible images are read like in mmcv's LoadImageFromFile, but with Pillow, which rejects truncated files. Infrared images
    of one channel are repeated to three, and those of 16 bits are rescaled to 8, see
    :func:`~imbdet.mipa.read_pair.read_infrared`.

    Required Keys:

    - img_path, modality, and for pairs ir_path

    Added Keys:

    - img: (H, W, 6) or (H, W, 3), uint8 or float32
    - img_shape, ori_shape: (H, W)

    Args:
        to_float32: Whether to convert the image to float32.
        ir_range: Values of 16-bit infrared images that become 0 and 255, the same for all images, so that temperatures stay
            comparable. None: the 1st and 99th percentile of each image.
        backend_args: Arguments of mmengine's storage backend.

    Raises:
        ValueError: If ``ir_range`` is not ascending.
        OSError: When loading, if a file is missing or broken; the message names both of a pair.

    Examples:
        >>> train_pipeline = [dict(type='LoadImagePair'), dict(type='LoadAnnotations', with_bbox=True)]
    """

    def __init__(self,
                 to_float32: bool = False,
                 ir_range: tuple[float, float] | None = None,
                 backend_args: dict | None = None) -> None:
        if ir_range is not None and not ir_range[0] < ir_range[1]:
            raise ValueError(f'ir_range must be the lowest and the highest value, in ascending order, got {ir_range}')
        self.to_float32 = to_float32
        self.ir_range = ir_range
        self.color_type, self.imdecode_backend, self.backend_args = 'color', 'pillow', backend_args  # as in LoadImageFromFile

    def transform(self, results: dict) -> dict:
        """Load an image or a pair.

        Args:
            results: The image's record from PairedCocoDataset.

        Returns:
            The record with ``img``, ``img_shape`` and ``ori_shape``.

        Raises:
            OSError: If a file is missing or broken.
            ValueError: If the sizes of a pair differ.
        """
        img = read_modality(results, self.ir_range, self.backend_args)
        results['img'] = img.astype(np.float32) if self.to_float32 else img
        results['img_shape'] = results['ori_shape'] = img.shape[:2]
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(to_float32={self.to_float32}, ir_range={self.ir_range}, '
                f'backend_args={self.backend_args})')


@TRANSFORMS.register_module()
class OnModality(BaseTransform):
    """Apply photometric transforms to the visible or the infrared half of a pair.

    The transforms get an image of three channels and nothing else. A transform that changes the image size, or adds keys like
    mmdet's geometric transforms, raises an error. An image of a single modality is changed if it has this modality.

    Required Keys:

    - img, modality

    Modified Keys:

    - img; float32 if the transforms convert it

    Args:
        modality: ``'rgb'`` or ``'ir'``.
        transforms: Configs of mmdet's transforms that change pixel values but not the image size, such as
            PhotoMetricDistortion.

    Raises:
        ValueError: If ``modality`` is unknown; when run, if a transform moves pixels or drops the image.

    Examples:
        >>> dict(type='OnModality', modality='rgb', transforms=[dict(type='PhotoMetricDistortion')])
    """

    def __init__(self, modality: str, transforms: Sequence[dict]) -> None:
        if modality not in HALVES:
            raise ValueError(f"modality must be 'rgb' or 'ir', got {modality!r}")
        self.modality = modality
        self.transforms = Compose([TRANSFORMS.build(transform) for transform in transforms])

    def transform(self, results: dict) -> dict:
        """Apply the transforms to the half.

        Args:
            results: Record of an image with ``modality``.

        Returns:
            The record with a changed ``img``.

        Raises:
            ValueError: If a transform moves pixels or drops the image.
        """
        if results['modality'] not in ('pair', self.modality):
            return results
        is_pair = results['modality'] == 'pair'
        half = results['img'][..., HALVES[self.modality]] if is_pair else results['img']
        # Contiguous, because OpenCV does not accept views of some channels.
        changed = self.transforms({'img': np.ascontiguousarray(half), 'img_shape': half.shape[:2]})
        if changed is None or changed['img'].shape != half.shape or set(changed) != {'img', 'img_shape'}:
            raise ValueError(f'OnModality: {self.transforms} move pixels or drop the image; only transforms of pixel values '
                             'are allowed in it. Put the others outside, where they apply to both halves')
        if not is_pair:
            results['img'] = changed['img']
            return results
        other = results['img'][..., HALVES['ir' if self.modality == 'rgb' else 'rgb']]
        halves = (changed['img'], other) if self.modality == 'rgb' else (other, changed['img'])
        results['img'] = np.concatenate(halves, axis=2)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(modality={self.modality!r}, transforms={self.transforms})'
