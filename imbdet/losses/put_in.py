"""What imbdet puts into every run whose detector has a loss of the long tail."""

import logging

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from imbdet.losses.double_correction import corrects_prior, double_corrections
from imbdet.losses.federated_loss import FederatedLoss
from imbdet.losses.federation_hook import FederationHook
from imbdet.losses.loss_statistics_hook import LossStatisticsHook
from imbdet.losses.running_statistics import RunningStatistics
from imbdet.losses.supported_heads import check_heads
from imbdet.training.detector import unwrap_detector

HOOKS: dict[type, type[Hook]] = {RunningStatistics: LossStatisticsHook, FederatedLoss: FederationHook}


def put_in(runner: Runner, run: str) -> None:
    """Check that the losses support their heads, and register the hooks that they need.

    Args:
        runner: The runner, before a run. :mod:`imbdet.compat` calls this.
        run: ``'train'``, ``'val'`` or ``'test'``.

    Raises:
        ValueError: If a loss does not support its head.
    """
    detector = unwrap_detector(runner)
    check_heads(detector)
    if run == 'train' and runner.train_loop is not None and any(corrects_prior(module) for module in detector.modules()):
        for line in double_corrections(detector, runner.train_dataloader.sampler):
            print_log(line, logger='current', level=logging.WARNING)
    for kind, hook in HOOKS.items():
        if any(isinstance(module, kind) for module in detector.modules()) \
                and not any(isinstance(registered, hook) for registered in runner.hooks):
            runner.register_hook(hook())
