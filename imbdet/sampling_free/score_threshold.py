"""Score thresholds by class: lower for classes that were seen less."""

import functools
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

from imbdet.classes import class_names, dataset_counts
from imbdet.classes.thresholds_file import read_thresholds
from imbdet.sampling_free.class_thresholds import ClassThresholds
from imbdet.sampling_free.foreground_prior import check_prior, class_priors
from imbdet.sampling_free.prior_file import read_priors
from imbdet.sampling_free.thresholded_heads import Mask, find_thresholded_heads, mask_queries
from imbdet.training import RunHook, watch_predictions


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
    return class_priors(prior, instance_counts)


@HOOKS.register_module()
class ClassAdaptiveThresholdHook(RunHook):
    r"""Keep detections of class j whose score is above :math:`\theta_j = \frac{N_f}{N} \frac{N_j}{\sum_j N_j}`.

    While the detector predicts, :class:`ClassThresholds` are the ``score_thr`` of its ``test_cfg``. So they act where mmdet's
    threshold acts: before NMS, ``nms_pre`` and ``max_per_img``, on the score that the head compares. This is the probability of
    the class, before a centerness (FCOS, ATSS) or an objectness (YOLOv3) multiplies it; in PAA and YOLOX it is the product. In
    DETRs, which have no threshold, it acts before their top-k. The boxes of each class are counted in the training set of the
    config, without crowd and ignored ones. Training, and pseudo labels of semi-supervised training, keep the config's
    ``score_thr``.

    With ``thresholds``, those of a file take the place of the formula's, such as those that ``imbdet thresholds`` has chosen on
    held-out images.

    Args:
        prior: Foreground prior in (0, 1); or the path of a ``foreground_prior.json``, whose prior of the ``bbox_head`` is used.
        thresholds: File of score thresholds by class name, for the classes of the test or validation set; instead of ``prior``.

    Raises:
        ValueError: If the prior is out of range, or not exactly one of both is given.
        FileNotFoundError: If the file of priors does not exist.

    Examples:
        >>> custom_hooks = [dict(type='ClassAdaptiveThresholdHook', prior=1e-5)]
    """

    def __init__(self, prior: float | str | Path | None = None, thresholds: str | Path | None = None) -> None:
        super().__init__()
        if (prior is None) == (thresholds is None):
            raise ValueError('ClassAdaptiveThresholdHook needs either prior or thresholds')
        self.file = '' if thresholds is None else thresholds
        self._values: list[tuple[dict, Any]] = []  # the score_thr that each test_cfg gets while the detector predicts
        self._configured: list[tuple[dict, Any]] = []  # and its own
        self._is_predicting = False
        if isinstance(prior, str | Path):
            priors = {name: value for name, value in read_priors(prior).items() if name.endswith('bbox_head')}
            if len(priors) != 1:
                raise ValueError(f'{prior} has {len(priors)} priors of a bbox_head, whose scores the thresholds are for; '
                                 'give the prior as a number')
            prior = next(iter(priors.values()))
        if prior is not None:
            check_prior(prior)
        self.prior = prior
        self._thresholds: torch.Tensor | None = None

    def attach(self, runner: Runner, detector: BaseModel) -> Iterator[RemovableHandle]:
        """Find the thresholds, once, and attach to the detector.

        Args:
            runner: The runner, before training, validation or test.
            detector: Its detector.

        Raises:
            ValueError: If the config has no training set, the detector no ``score_thr``, or it is not known how a head compares
                scores with it.
        """
        if self._thresholds is None:
            self._thresholds = self._read(runner) if self.prior is None else self._count(runner, self.prior)
        thresholds = self._thresholds
        least = float(thresholds.min())
        heads = list(find_thresholded_heads(detector, len(thresholds)))
        if not heads:
            raise ValueError(f'ClassAdaptiveThresholdHook: no test_cfg of {type(detector).__name__} has a score_thr; remove '
                             'the hook')
        self._values = [(head.config, least if callable(head.seam) else ClassThresholds(thresholds, head.seam))
                        for head in heads if 'score_thr' in head.config]
        yield from watch_predictions(detector, self._enter, self._leave)
        if any(head.seam is mask_queries for head in heads):  # their top-k also takes what is masked
            for predictor in detector.modules():
                if isinstance(predictor, BaseDetector):
                    yield predictor.register_forward_hook(self._filter, with_kwargs=True)
        for head in heads:
            if callable(head.seam):
                yield head.head.register_forward_hook(functools.partial(self._mask, head.seam))
        print_log(f'ClassAdaptiveThresholdHook: score thresholds from {least:.3g} to {float(thresholds.max()):.3g}',
                  logger='current')

    def _count(self, runner: Runner, prior: float) -> torch.Tensor:
        """Count the boxes of the training set, and return the threshold of each class."""
        if runner.train_loop is None:
            raise ValueError('ClassAdaptiveThresholdHook counts boxes in the training set, but the config has no '
                             'train_dataloader and train_cfg')
        counts = dataset_counts(runner.train_dataloader.dataset)
        return torch.from_numpy(class_score_thresholds(prior, counts.boxes)).float()

    def _read(self, runner: Runner) -> torch.Tensor:
        """Read the thresholds for the classes of the run's data set: that of its test, validation or training."""
        loops = (runner._test_loop, runner._val_loop, runner._train_loop)  # configs until they are built, as in this run
        dataset = next((loop.dataloader.dataset for loop in loops if hasattr(loop, 'dataloader')), None)
        if dataset is None:
            raise ValueError(f'ClassAdaptiveThresholdHook: the run has no data set, whose class names {self.file} is for')
        return torch.from_numpy(read_thresholds(self.file, class_names(dataset))).float()

    def _enter(self) -> None:
        """Put the thresholds where each ``test_cfg`` has its ``score_thr``."""
        self._is_predicting = True
        for config, value in self._values:
            self._configured.append((config, config['score_thr']))
            config['score_thr'] = value

    def let_go(self) -> None:
        """Remove what was attached."""
        super().let_go()
        self._leave()

    def _leave(self) -> None:
        """Give each ``test_cfg`` its own ``score_thr`` back."""
        self._is_predicting = False
        while self._configured:
            config, score_thr = self._configured.pop()
            config['score_thr'] = score_thr

    def _mask(self, mask: Mask, head: nn.Module, inputs: tuple, outputs: tuple) -> tuple:
        """Forward hook of a head: mask scores that are not above the threshold of their class."""
        if not self._is_predicting or self._thresholds is None:
            return outputs
        return mask(head, outputs, self._thresholds.to(next(head.parameters()).device))

    def _filter(self, detector: nn.Module, inputs: tuple, keywords: dict, outputs: Any) -> Any:
        """Forward hook of the detector: drop detections that are not above the threshold of their class."""
        if keywords.get('mode') != 'predict' or self._thresholds is None:
            return outputs
        for sample in outputs:
            found = sample.pred_instances
            thresholds = self._thresholds.to(found.scores.device)
            sample.pred_instances = found[found.scores > thresholds[found.labels]]
        return outputs
