"""LogitShiftHook: calibrates the class logits of a trained detector while it predicts."""

import functools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from mmdet.registry import HOOKS
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from imbdet.calibration.calibrated_checkpoint import applied_calibration
from imbdet.calibration.calibrated_layer import CalibratedLayer, calibrated_layers
from imbdet.calibration.calibration_settings import Calibration
from imbdet.calibration.calibration_warnings import calibration_warnings
from imbdet.calibration.class_statistics import ClassStatistics, dataset_statistics, read_statistics
from imbdet.training import RunHook, watch_predictions


@HOOKS.register_module()
class LogitShiftHook(RunHook):
    """Calibrate the class logits of a detector while it predicts, in tests and validations; nothing is trained.

    The same vector is added wherever class logits leave the detector: on all levels, stages and decoder layers. Backgrounds and
    objectnesses are left alone. Losses never see it. ``imbdet calibrate`` writes the same into a checkpoint, so that no hook is
    needed; only FRACAL with sigmoids, which is no constant, needs the hook.

    Args:
        method: ``'norcal'``, ``'logit-adjustment'``, ``'fracal'`` or ``'logn'``; see
            :class:`~imbdet.calibration.calibration_settings.Calibration`, as for the other settings.
        tau: Strength of NorCal and of logit adjustment, at least 0.
        base: Base of FRACAL's logarithms, above 1.
        lam: Strength of FRACAL's part for the fractal dimension, at least 0.
        k: Added to all class logits besides.
        counts: What is counted of each class: training ``'images'`` or ``'boxes'``.
        statistics: A file of class statistics that ``imbdet calibrate`` has written. None: of the config's training set; LogN
            needs a file.

    Raises:
        ValueError: If a setting is out of range, or the method does not have it.

    Examples:
        >>> custom_hooks = [dict(type='LogitShiftHook', method='norcal', tau=0.6)]
    """

    def __init__(self, method: Literal['norcal', 'logit-adjustment', 'fracal', 'logn'], tau: float | None = None,
                 base: float | None = None, lam: float | None = None, k: float = 0.0,
                 counts: Literal['images', 'boxes'] = 'images', statistics: str | Path | None = None) -> None:
        super().__init__()
        self.calibration = Calibration(method, tau, base, lam, k, counts)
        self.statistics = statistics
        self._known: ClassStatistics | None = None
        self._is_predicting = False

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse a checkpoint that is calibrated already.

        Args:
            runner: The runner.
            checkpoint: The loaded checkpoint.

        Raises:
            ValueError: If the checkpoint holds a calibration.
        """
        applied = applied_calibration(checkpoint)
        if applied is not None:
            raise ValueError(f'LogitShiftHook: the checkpoint is calibrated already ({applied}); remove the hook, or load the '
                             'checkpoint that it was made from')

    def attach(self, runner: Runner, detector: BaseModel) -> Iterator[RemovableHandle]:
        """Find the layers of the class logits and attach to them.

        Args:
            runner: The runner, before training, validation or test.
            detector: Its detector.

        Raises:
            ValueError: If there are two such hooks, no statistics, or layers that are not known.
        """
        if sum(isinstance(hook, LogitShiftHook) for hook in runner.hooks) > 1:
            raise ValueError('LogitShiftHook: the config has several, whose shifts would add up; leave one')
        if self._known is None:
            self._known = self._read(runner)
        layers = calibrated_layers(detector, self.calibration, self._known)
        yield from watch_predictions(detector, functools.partial(self._set_predicting, True),
                                     functools.partial(self._set_predicting, False))
        for each in layers:
            yield each.layer.layer.register_forward_hook(functools.partial(self._calibrate, each))
        print_log(f'LogitShiftHook: {self.calibration}; on {", ".join(each.layer.name for each in layers)}', logger='current')
        for line in calibration_warnings(detector, self.calibration, layers):
            print_log(f'LogitShiftHook: {line}', logger='current', level=logging.WARNING)

    def _read(self, runner: Runner) -> ClassStatistics:
        if self.statistics is not None:
            return read_statistics(self.statistics)
        if runner.train_loop is None:
            raise ValueError('LogitShiftHook counts classes in the training set, but the config has no train_dataloader and '
                             'train_cfg; give statistics=, a file that imbdet calibrate has written')
        return dataset_statistics(runner.train_dataloader.dataset)

    def _set_predicting(self, is_predicting: bool) -> None:
        self._is_predicting = is_predicting

    def _calibrate(self, calibrated: CalibratedLayer, layer: nn.Module, inputs: tuple, outputs: Tensor) -> Tensor:
        """Forward hook of a layer."""
        return calibrated.apply(outputs) if self._is_predicting else outputs
