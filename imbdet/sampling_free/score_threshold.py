"""Score thresholds by class: lower for classes that were seen less."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.models.detectors.base import BaseDetector
from mmdet.registry import HOOKS
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.hooks import RemovableHandle

from imbdet.classes import dataset_counts
from imbdet.sampling_free.foreground_prior import check_prior
from imbdet.sampling_free.prior_file import read_priors
from imbdet.training import DetectorHook


def class_score_thresholds(prior: float, instance_counts: np.ndarray) -> np.ndarray:
    r"""Score threshold of each class.

    .. math:: \theta_j = \frac{N_f}{N} \cdot \frac{N_j}{\sum_j N_j} = C \pi \frac{N_j}{\sum_j N_j}

    (arXiv 1909.04868): the probability, before anything is learnt, that an anchor is an object of class j. For classes
    equally frequent it is the foreground prior itself.

    Args:
        prior: Foreground prior of one class, :math:`\pi = N_f / (N C)`, in (0, 1).
        instance_counts: Training boxes of each class, N_j, shape (C,), at least one of them above 0.

    Returns:
        The thresholds, shape (C,), float64. A class without boxes gets the least of the others.

    Raises:
        ValueError: If the prior is out of range or there are no boxes.
    """
    check_prior(prior)
    counts = np.asarray(instance_counts, dtype=np.float64)
    if not counts.any():
        raise ValueError('class-adaptive thresholds need training boxes; no class has any')
    thresholds = prior * len(counts) * counts / counts.sum()
    thresholds[counts == 0] = thresholds[counts > 0].min()
    return thresholds


@HOOKS.register_module()
class ClassAdaptiveThresholdHook(DetectorHook):
    r"""Keep detections of class j whose score is at least :math:`\theta_j = \frac{N_f}{N} \frac{N_j}{\sum_j N_j}`.

    From the start of a training, validation or test to its end, the least threshold is the ``score_thr`` of every ``test_cfg``
    that has one, and what the detector finds is then filtered by class. The boxes of each class are counted in the training set
    of the config, without crowd and ignored ones. The filter comes after ``max_per_img``.

    Args:
        prior: Foreground prior in (0, 1); or the path of a ``foreground_prior.json``, whose prior of the ``bbox_head`` is used.

    Raises:
        ValueError: If the prior is out of range.
        FileNotFoundError: If the file of priors does not exist.

    Examples:
        >>> custom_hooks = [dict(type='ClassAdaptiveThresholdHook', prior=1e-5)]
    """

    def __init__(self, prior: float | str | Path) -> None:
        super().__init__()
        self._score_thresholds: list[tuple[Any, float]] = []  # of test_cfgs, as the config has them
        if isinstance(prior, str | Path):
            priors = {name: value for name, value in read_priors(prior).items() if name.endswith('bbox_head')}
            if len(priors) != 1:
                raise ValueError(f'{prior} has {len(priors)} priors of a bbox_head, whose scores the thresholds are for; '
                                 'give the prior as a number')
            prior = next(iter(priors.values()))
        check_prior(prior)
        self.prior = prior
        self._thresholds: torch.Tensor | None = None

    def before_run(self, runner: Runner) -> None:
        """Attach to the detector.

        Args:
            runner: The runner, before training, validation or test.
        """
        self.attach_to(runner)

    def before_train(self, runner: Runner) -> None:
        """Stay attached: detections are filtered in validations of the training."""

    def after_train(self, runner: Runner) -> None:
        """Stay attached until the run ends."""

    def after_run(self, runner: Runner) -> None:
        """Let go, and give each ``test_cfg`` its own ``score_thr`` back.

        Args:
            runner: The runner.
        """
        self.let_go()

    def attach(self, runner: Runner, detector: BaseModel) -> Iterator[RemovableHandle]:
        """Find the thresholds, once, and attach to the detector.

        Args:
            runner: The runner, before training, validation or test.
            detector: Its detector.

        Raises:
            ValueError: If the config has no training set, or the detector no ``score_thr``.
        """
        if self._thresholds is None:
            if runner.train_loop is None:
                raise ValueError('ClassAdaptiveThresholdHook counts boxes in the training set, but the config has no '
                                 'train_dataloader and train_cfg')
            counts = dataset_counts(runner.train_dataloader.dataset)
            self._thresholds = torch.from_numpy(class_score_thresholds(self.prior, counts.boxes)).float()
        least = float(self._thresholds.min())
        configs = [config for module in detector.modules() for config in [getattr(module, 'test_cfg', None)]
                   if config is not None and 'score_thr' in config]
        if not configs:
            raise ValueError(f'ClassAdaptiveThresholdHook: no test_cfg of {type(detector).__name__} has a score_thr')
        self._score_thresholds = [(config, config.score_thr) for config in configs]
        for config in configs:
            config.score_thr = least
        for module in detector.modules():
            if isinstance(module, BaseDetector):
                yield module.register_forward_hook(self._filter, with_kwargs=True)
        print_log(f'ClassAdaptiveThresholdHook: score thresholds from {least:.3g} to {float(self._thresholds.max()):.3g}',
                  logger='current')

    def let_go(self) -> None:
        """Remove what was attached, and give each ``test_cfg`` its own ``score_thr`` back."""
        super().let_go()
        while self._score_thresholds:
            config, score_thr = self._score_thresholds.pop()
            config.score_thr = score_thr

    def _filter(self, detector: nn.Module, inputs: tuple, keywords: dict, outputs: Any) -> Any:
        """Forward hook of the detector: drop detections below the threshold of their class."""
        if keywords.get('mode') != 'predict' or self._thresholds is None:
            return outputs
        for sample in outputs:
            if 'pred_instances' not in sample:
                raise ValueError(f'ClassAdaptiveThresholdHook: {type(detector).__name__} predicts no instances with scores to '
                                 'compare with a threshold; remove the hook from the config')
            found = sample.pred_instances
            thresholds = self._thresholds.to(found.scores.device)
            sample.pred_instances = found[found.scores >= thresholds[found.labels.long()]]  # CrowdDet's are floats
        return outputs
