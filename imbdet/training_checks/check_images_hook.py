"""CheckImagesHook: reads all training images before the training."""

import io
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from mmdet.registry import HOOKS
from mmengine import fileio
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from PIL import Image
from tqdm import tqdm

from imbdet.data.data_infos import data_infos

NAMED = 10
"""Maximum number of images in the error; the log lists all."""


def image_fault(path: str) -> str | None:
    """Read an image and return the error, if any.

    Args:
        path: The file, also on storage that mmengine supports.

    Returns:
        The error of Pillow or the storage; None for a readable image.
    """
    try:
        with Image.open(io.BytesIO(fileio.get(path))) as image:
            image.draft('L', (1, 1))  # JPEG files are still read to the end, but decoded at an eighth of the size
            image.load()
    except Exception as error:  # storages and decoders raise arbitrary errors
        return f'{type(error).__name__}: {error}'.replace(f': {path!r}', '')
    return None


@HOOKS.register_module()
class CheckImagesHook(Hook):
    """Read all training images before the training starts, and stop if any is missing or broken.

    Without this hook, such a file stops the training when it is loaded, perhaps after hours. With ``ignore_empty=True``,
    mmcv's LoadImageFromFile skips it and mmengine uses a random image instead, which distorts the repeat factors of
    RepeatFactorSampler. Both images of a pair are read. The ranks share the work.

    Examples:
        >>> custom_hooks = [dict(type='CheckImagesHook')]
    """

    def before_train(self, runner: Runner) -> None:
        """Read the images.

        Args:
            runner: The runner of the training.

        Raises:
            OSError: If images are missing or broken, on all ranks; with their number and the first ten.
            TypeError: If the data set cannot list its images.
        """
        paths = sorted({str(info[key]) for info in data_infos(runner.train_dataloader.dataset)
                        for key in ('img_path', 'ir_path') if key in info})
        own = paths[get_rank()::get_world_size()]
        faults = sorted(fault for part in all_gather_object(_faults(own)) for fault in part)
        if not faults:
            print_log(f'CheckImagesHook: all {len(paths)} training images can be read', logger='current')
            return
        print_log('CheckImagesHook: these images cannot be read\n' + '\n'.join(faults), logger='current', level=logging.ERROR)
        more = f'; and {len(faults) - NAMED} more, see the log' if len(faults) > NAMED else ''
        raise OSError(f'{len(faults)} of {len(paths)} training images cannot be read: {"; ".join(faults[:NAMED])}{more}. '
                      'Restore the files, or remove the images from the annotations')


def _faults(paths: Sequence[str]) -> list[str]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoders release the GIL
        read = tqdm(pool.map(image_fault, paths), total=len(paths), desc='checking images', unit='image', disable=None)
        return [f'{path} ({fault})' for path, fault in zip(paths, read, strict=True) if fault is not None]
