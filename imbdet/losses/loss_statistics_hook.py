"""The hook that lets the statistics of losses advance with the optimizer."""

import logging
from collections.abc import Iterable
from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.dist import all_reduce
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch.utils.hooks import RemovableHandle

from imbdet.losses.running_statistics import RunningStatistics
from imbdet.training import DetectorHook


@HOOKS.register_module()
class LossStatisticsHook(DetectorHook):
    """Sum over the ranks what losses noted in an optimizer step, and let their statistics advance by it.

    A config need not name it: it is put in where a loss has statistics, such as :class:`imbdet.losses.EqualizationLossV2`. The
    statistics of all losses go through one all_reduce a step. They are in the checkpoint, come back when a training resumes,
    and start anew in another training.
    """

    state_key = 'loss_statistics'
    priority = 'ABOVE_NORMAL'  # after ClassCountsHook, which lets statistics start

    def __init__(self) -> None:
        super().__init__()
        self._losses: dict[str, RunningStatistics] = {}

    def attach(self, runner: Runner, detector: BaseModel) -> Iterable[RemovableHandle]:
        """Find the losses, and give them the statistics of a resumed training.

        Args:
            runner: The runner of the training.
            detector: Its detector.

        Raises:
            ValueError: If the checkpoint of a resumed training lacks the statistics of a loss, or has those of other classes.
        """
        self._losses = {name: module for name, module in detector.named_modules() if isinstance(module, RunningStatistics)}
        if runner.iter > 0:
            for name, loss in self._losses.items():
                if name not in self._loaded:
                    raise ValueError(f'LossStatisticsHook: {name} is {type(loss).__name__}, of which the checkpoint has no '
                                     'statistics; resume a training with the same losses, or start one with load_from. If '
                                     'you call runner.resume yourself, name LossStatisticsHook in custom_hooks')
                loss.load_statistics(self._loaded[name])
        return []

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None) -> None:
        """Let the statistics advance if the optimizer stepped.

        Args:
            runner: The runner of the training.
            batch_idx: Number of the batch.
            data_batch: The batch.
            outputs: The losses.
        """
        optimizer = runner.optim_wrapper
        if isinstance(optimizer, OptimWrapper) and not optimizer.should_update():  # gradients are being accumulated
            return
        device = next(runner.model.parameters()).device
        noted = torch.cat([loss.noted.flatten().to(device) for loss in self._losses.values()])
        all_reduce(noted)
        for loss, values in zip(self._losses.values(), noted.split([loss.noted.numel() for loss in self._losses.values()]),
                                strict=True):
            if not values.isfinite().all():  # of a batch whose loss is not
                print_log(f'LossStatisticsHook: what {type(loss).__name__} noted in this step is not finite, and is left out',
                          logger='current', level=logging.WARNING)
                values = torch.zeros_like(values)
            loss.advance(values.view_as(loss.noted))

    def state(self) -> dict[str, Any]:
        """Return the statistics by the name of the loss."""
        return {name: loss.statistics.cpu() for name, loss in self._losses.items() if loss.statistics is not None}
