"""CheckImagesHook: reads all training images before the training."""

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from mmdet.registry import HOOKS
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from tqdm import tqdm

from imbdet.training_checks.image_faults import ListedImage, faults_of, listed_images

NAMED = 10
"""Maximum number of images in the error; the log lists all."""
ERRORS = {
    'unreadable': (OSError, 'cannot be read', 'Restore the files, or remove the images from the annotations'),
    'other size': (ValueError, 'have another size than their annotations, so that the boxes lie elsewhere in them',
                   "Correct the annotations by 'imbdet fix ANN --images FOLDER --out NEW', or restore the files. If the boxes "
                   "belong to the pixels as they are stored, ignore the EXIF orientation: dict(type='LoadImageFromFile', "
                   "color_type='color_ignore_orientation')"),
}
"""What is raised for each kind of fault, in this order; the sentence and the advice."""


@HOOKS.register_module()
class CheckImagesHook(Hook):
    """Read all training images before the training starts, and stop if any is missing, broken or of another size.

    Each image is read as the pipeline reads it. Without this hook, a broken file stops the training when it is loaded,
    perhaps after hours. With ``ignore_empty=True``, mmcv's LoadImageFromFile skips it and mmengine uses a random image
    instead, which distorts the repeat factors of RepeatFactorSampler. If an image has another size than its annotations
    state, because it was resized or is turned by its EXIF orientation, the boxes lie elsewhere in it. Both images of a pair
    are read. The ranks share the work.

    Examples:
        >>> custom_hooks = [dict(type='CheckImagesHook')]
    """

    def before_train(self, runner: Runner) -> None:
        """Read the images.

        Args:
            runner: The runner of the training.

        Raises:
            OSError: If images are missing or broken, on all ranks; with their number and the first ten.
            ValueError: If images have another size than their annotations, likewise.
            TypeError: If the data set cannot list its images.
        """
        images = listed_images(runner.train_dataloader.dataset)
        own = images[get_rank()::get_world_size()]
        faults = sorted(fault for part in all_gather_object(_faults(own)) for fault in part)
        if not faults:
            print_log(f'CheckImagesHook: all {len(images)} training images can be read and have the size that their '
                      'annotations state', logger='current')
            return
        print_log('CheckImagesHook: faults of training images\n' + '\n'.join(f'{kind}: {text}' for kind, text in faults),
                  logger='current', level=logging.ERROR)
        for kind, (error, what, advice) in ERRORS.items():
            texts = [text for of, text in faults if of == kind]
            if texts:
                more = f'; and {len(texts) - NAMED} more, see the log' if len(texts) > NAMED else ''
                raise error(f'{len(texts)} of {len(images)} training images {what}: {"; ".join(texts[:NAMED])}{more}. {advice}')


def _faults(images: Sequence[ListedImage]) -> list[tuple[str, str]]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoders release the GIL
        read = tqdm(pool.map(lambda image: list(faults_of(image)), images), total=len(images), desc='checking images',
                    unit='image', disable=None)
        return [fault for faults in read for fault in faults]
