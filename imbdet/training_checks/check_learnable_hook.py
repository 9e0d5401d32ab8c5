"""CheckLearnableHook: ends a run in which nothing can be learned or detected, before it starts."""

import logging

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from imbdet.data.dataset_checks import check_dataset_classes
from imbdet.training.detector import unwrap_detector
from imbdet.training_checks.image_faults import size_warning
from imbdet.training_checks.learnable import absent_classes, check_batches, check_head_classes, check_objects


class CheckLearnableHook(Hook):
    """Compare the detector with its data before a run, and stop if nothing can be learned.

    The heads have to have as many classes as the data set, and its labels the names that the annotation file gives them; in a
    training, an epoch needs a batch and the data an object. A warning names images of another size than their annotations, of
    a few that are looked at; CheckImagesHook looks at all. Another names classes without objects in data sets of other formats
    than COCO's, whose names no file is compared with. imbdet puts the hook into every run.

    Args:
        run: ``'train'``, ``'val'`` or ``'test'``.
    """

    def __init__(self, run: str) -> None:
        self.run = run

    def before_run(self, runner: Runner) -> None:
        """Compare.

        Args:
            runner: The runner.

        Raises:
            ValueError: If a head has other classes than the data, labels have other names than in the annotation file, or
                there is nothing to learn from.
        """
        dataloader = getattr(runner, f'{self.run}_dataloader')
        check_dataset_classes(dataloader.dataset)
        metainfo = getattr(dataloader.dataset, 'metainfo', None)
        if isinstance(metainfo, dict) and metainfo.get('classes'):
            check_head_classes(unwrap_detector(runner), metainfo['classes'], metainfo.get('thing_classes') or ())
        if self.run == 'train':
            check_objects(dataloader.dataset)
            check_batches(dataloader)
            for warning in (size_warning(dataloader.dataset), absent_classes(dataloader.dataset)):
                if warning:
                    print_log(warning, logger='current', level=logging.WARNING)
