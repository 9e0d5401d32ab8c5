"""PairedCocoDataset: COCO data with a visible and an infrared image per entry."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS
from mmengine.dist import get_rank, get_world_size
from tqdm import tqdm

from imbdet.mipa.pipeline_check import check_pipeline
from imbdet.mipa.read_pair import read_modality

MODALITIES = ('pair', 'rgb', 'ir')


@DATASETS.register_module()
class PairedCocoDataset(CocoDataset):
    """CocoDataset whose images are pairs from a visible and an infrared camera, aligned pixel by pixel.

    Both share an annotation file. Its ``file_name`` is the visible image, relative to ``data_prefix['img']``. The infrared
    image has the same name, or one derived with ``ir_suffix`` or ``ir_replace``, relative to ``data_prefix['ir']``.

    Each entry has ``modality``, and ``img_path``: the visible file, or the infrared one if the modality is ``'ir'``. A pair
    also has ``ir_path``. Load the images with LoadImagePair, and add ``'modality'`` to the ``meta_keys`` of PackDetInputs,
    because MiPaDataPreprocessor needs it. The pipeline of pairs is dry-run when the data set is built, see
    :func:`~imbdet.mipa.pipeline_check.check_pipeline`.

    Args:
        *args: Passed to CocoDataset.
        modality: What to load: ``'pair'``, ``'rgb'`` (visible) or ``'ir'``.
        ir_suffix: Replaces the extension of the file name, such as ``'_ir.png'``.
        ir_replace: A part of the file name and its replacement, such as ``('_RGB.jpg', '_PreviewData.jpeg')``.
        check_files: Whether to read all images of the modality when the data set is built, with a progress bar; several
            ranks share the work.
        **kwargs: Passed to CocoDataset; ``data_prefix`` has ``'img'`` and ``'ir'``.

    Raises:
        ValueError: If an argument is unknown, an infrared file would be the visible one, or the pipeline contains a
            transform that does not support six channels.
        OSError: With ``check_files``, if a file is missing or broken.

    Examples:
        >>> dict(type='PairedCocoDataset', ann_file='flir_train.json', data_prefix=dict(img='JPEGImages/', ir='JPEGImages/'),
        ...      ir_replace=('_RGB.jpg', '_PreviewData.jpeg'), modality='pair', pipeline=train_pipeline)
    """

    def __init__(self,
                 *args: Any,
                 modality: str = 'pair',
                 ir_suffix: str | None = None,
                 ir_replace: Sequence[str] | None = None,
                 check_files: bool = False,
                 **kwargs: Any) -> None:
        if modality not in MODALITIES:
            raise ValueError(f'modality must be one of {", ".join(MODALITIES)}; got {modality!r}')
        if ir_suffix is not None and ir_replace is not None:
            raise ValueError('ir_suffix and ir_replace cannot both be set; remove one')
        if ir_replace is not None and (isinstance(ir_replace, str) or len(ir_replace) != 2):
            raise ValueError(f'ir_replace must be a part of the file name and its replacement, got {ir_replace!r}')
        self.modality = modality
        self.ir_suffix = ir_suffix
        self.ir_replace = ir_replace
        self.check_files = check_files
        super().__init__(*args, **kwargs)

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """Add modality and infrared path to CocoDataset's record of an image.

        Args:
            raw_data_info: Entry of the annotation file.

        Returns:
            mmdet's dict of an image, with ``modality`` and, for a pair, ``ir_path``.

        Raises:
            ValueError: If the infrared file would be the visible one.
        """
        data_info = super().parse_data_info(raw_data_info)
        data_info['modality'] = self.modality
        if self.modality == 'rgb':
            return data_info
        ir_path = os.path.join(self.data_prefix.get('ir', ''), self._ir_name(raw_data_info['raw_img_info']['file_name']))
        if ir_path == data_info['img_path']:
            raise ValueError(f'{ir_path} would be both the visible and the infrared image; set data_prefix=dict(img=..., '
                             'ir=...), ir_suffix or ir_replace so that they differ')
        data_info['ir_path' if self.modality == 'pair' else 'img_path'] = ir_path
        return data_info

    def _ir_name(self, name: str) -> str:
        if self.ir_suffix is not None:
            return os.path.splitext(name)[0] + self.ir_suffix
        if self.ir_replace is None:
            return name
        old, new = self.ir_replace
        if old not in name:
            raise ValueError(f'{self.ann_file}: {old!r} of ir_replace is not in the file name {name!r}; correct ir_replace')
        return name.replace(old, new)

    def full_init(self) -> None:
        """Load the annotations, then check the pipeline and, with ``check_files``, the files.

        Raises:
            ValueError: If a transform does not support six channels, or the sizes of a pair differ.
            OSError: If a file is missing or broken.
        """
        if self._fully_initialized:
            return
        super().full_init()
        if self.modality == 'pair' and len(self):
            check_pipeline(self.pipeline.transforms, self.get_data_info(0))
        if self.check_files:
            self._check_files()

    def _check_files(self) -> None:
        infos = [self.get_data_info(index) for index in range(get_rank(), len(self), get_world_size())]
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoders release the GIL
            read = pool.map(lambda info: read_modality(info, backend_args=self.backend_args).shape, infos)
            for _ in tqdm(read, total=len(infos), desc='checking images', unit='image', disable=None):
                pass
