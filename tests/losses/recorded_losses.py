"""A hook that records what losses noted and how far they are; in a module, so that spawned processes find it."""

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook

from imbdet.losses import FederatedLoss
from imbdet.losses.running_statistics import RunningStatistics
from imbdet.training.detector import unwrap_detector


@HOOKS.register_module(force=True)
class RecordLossesHook(Hook):
    """Write what each iteration noted, the statistics after it, and the classes that a federated loss kept."""

    priority = 'HIGHEST'  # before the statistics advance

    def __init__(self, path):
        self.path = path
        self.noted, self.before, self.kept = [], [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        for module in unwrap_detector(runner).modules():
            if isinstance(module, RunningStatistics):
                self.noted.append(module.noted.clone())
                self.before.append(module.statistics.clone())
            if isinstance(module, FederatedLoss):
                self.kept.append(module._kept.clone())

    def after_train(self, runner):
        after, = (module.statistics for module in unwrap_detector(runner).modules() if isinstance(module, RunningStatistics))
        torch.save({'noted': self.noted, 'before': self.before, 'kept': self.kept, 'after': after}, self.path)
