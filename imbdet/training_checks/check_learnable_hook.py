"""CheckLearnableHook: ends a run in which nothing can be learned or detected, before it starts."""

from mmengine.hooks import Hook
from mmengine.runner import Runner

from imbdet.training.detector import unwrap_detector
from imbdet.training_checks.learnable import check_batches, check_head_classes, check_objects


class CheckLearnableHook(Hook):
    """Compare the detector with its data before a run, and stop if nothing can be learned.

    The heads have to have as many classes as the data set; in a training, an epoch needs a batch and the data an object.
    imbdet puts the hook into every run.

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
            ValueError: If a head has other classes than the data, or there is nothing to learn from.
        """
        dataloader = getattr(runner, f'{self.run}_dataloader')
        metainfo = getattr(dataloader.dataset, 'metainfo', None)
        if isinstance(metainfo, dict) and metainfo.get('classes'):
            check_head_classes(unwrap_detector(runner), metainfo['classes'], metainfo.get('thing_classes') or ())
        if self.run == 'train':
            check_objects(dataloader.dataset)
            check_batches(dataloader)
