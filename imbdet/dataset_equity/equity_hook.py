"""The hook that weights each image's loss by how rare its appearance is."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.models import SemiBaseDetector, dense_heads
from mmdet.models.roi_heads import bbox_heads, mask_heads
from mmdet.registry import HOOKS
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.hooks import RemovableHandle

from imbdet.data.image_table import image_keys
from imbdet.dataset_equity.batch_weights import BatchWeights
from imbdet.dataset_equity.image_weights import ON_MISSING, image_weights
from imbdet.dataset_equity.likelihoods import equity_weights
from imbdet.dataset_equity.mixed_images import check_mixing, source_images
from imbdet.heads.predictions import Predictions, attach, find_predictions
from imbdet.training.detector_hook import DetectorHook

# Heads whose gradients the tests compare with those of images taken one by one.
TESTED_HEADS = (
    dense_heads.RetinaHead, dense_heads.FCOSHead, dense_heads.ATSSHead, dense_heads.PAAHead, dense_heads.GFLHead,
    dense_heads.VFNetHead, dense_heads.YOLOXHead, dense_heads.YOLOV3Head, dense_heads.RTMDetSepBNHead, dense_heads.SSDHead,
    dense_heads.RPNHead, dense_heads.DETRHead, dense_heads.DeformableDETRHead, dense_heads.DINOHead, dense_heads.DDQDETRHead,
    dense_heads.StageCascadeRPNHead, dense_heads.RTMDetInsSepBNHead, dense_heads.SOLOHead, dense_heads.DecoupledSOLOHead,
    dense_heads.SOLOV2Head, dense_heads.MaskFormerHead, dense_heads.Mask2FormerHead, bbox_heads.Shared2FCBBoxHead,
    bbox_heads.DIIHead, mask_heads.FCNMaskHead)


@HOOKS.register_module()
class DatasetEquityHook(DetectorHook):
    r"""Weight each image's loss by how rare its appearance is.

    .. math:: L = \sum_i w(p_i) L_i,\qquad w(p) = \frac{\eta + (1 - p)^\gamma}{\eta + 1}

    with p(i) the likelihood of image i's appearance, from a file that ``imbdet likelihoods`` writes
    (arXiv 2308.09878). The weight is applied to the gradient of the image's own predictions, which is exact as long as a
    loss's ``avg_factor`` is taken as a constant. An image that Mosaic, MixUp or CopyPaste mixed in a
    :class:`~imbdet.data.WeightedMultiImageMixDataset` with ``record_shares=True`` has the mean weight of its sources, by the
    area that each contributes. Logged losses stay unweighted; the log has the batch's
    ``equity_weight_mean`` and ``equity_weight_min``. docs/detector_families.md lists what works with which detector.

    The file is read when training starts, so testing does without it. The hook has no state: a resumed training
    continues with the weights of the file.

    Args:
        likelihoods: The file.
        eta: Above 0; the commonest images weigh eta / (eta + 1).
        gamma: At least 0; the larger, the fewer images count as rare.
        normalize: ``'none'``, or ``'dataset'``: weights are divided by their mean over the training set.
        apply_to: ``'all'``: every loss, as in the paper; ``'cls'``: classification alone, with an objectness where there is
            one. A detector whose losses cannot all be weighted is an error, which says whether ``'cls'`` is possible.
        on_missing: What becomes of an image that the file does not hold: ``'error'``, ``'mean'`` (the mean weight of the
            others) or ``'rare'`` (p = 0).

    Raises:
        ValueError: If an argument is out of range or unknown.

    Examples:
        >>> custom_hooks = [dict(type='DatasetEquityHook', likelihoods='equity.npz')]
    """

    def __init__(self,
                 likelihoods: str | Path,
                 eta: float = 1.0,
                 gamma: float = 5.0,
                 normalize: str = 'none',
                 apply_to: str = 'all',
                 on_missing: str = 'error') -> None:
        super().__init__()
        for name, value, known in (('normalize', normalize, ('none', 'dataset')), ('apply_to', apply_to, ('cls', 'all')),
                                   ('on_missing', on_missing, ON_MISSING)):
            if value not in known:
                raise ValueError(f'{name} must be one of {", ".join(known)}, got {value!r}')
        equity_weights(0.0, eta, gamma)  # checks the two
        self.likelihoods = likelihoods
        self.eta = eta
        self.gamma = gamma
        self.normalize = normalize
        self.apply_to = apply_to
        self.on_missing = on_missing
        # Paths of the training images, in order, and the weight of each.
        self._paths = np.empty(0, np.str_)
        self._weights = np.empty(0, np.float32)
        self._batch = BatchWeights()
        self._predictions: list[Predictions] = []

    def attach(self, runner: Runner, detector: BaseModel) -> Iterator[RemovableHandle]:
        """Weigh the images of the training set, and attach to the detector.

        Args:
            runner: The runner of the training.
            detector: The detector.

        Raises:
            FileNotFoundError: If there is no file of likelihoods.
            ValueError: If it is not such a file, an image is missing from it, images are mixed without a record, or a head is
                not supported.
            TypeError: If the data set cannot list its images.
        """
        dataset = runner.train_dataloader.dataset
        check_mixing(dataset)
        images = image_keys(dataset)
        weights = image_weights(self.likelihoods, images, self.eta, self.gamma, self.on_missing)
        if self.normalize == 'dataset':
            weights = weights / weights.mean()
        paths = np.array([image.img_path for image in images])
        self._paths, first = np.unique(paths, return_index=True)
        self._weights = weights[first].astype(np.float32)

        self._predictions = self._find(detector)
        for predictions in self._predictions:
            yield from attach(predictions, self._batch)
        yield detector.register_forward_pre_hook(self._start, with_kwargs=True)
        yield detector.register_forward_hook(self._stop, with_kwargs=True, always_call=True)
        self._log(weights)

    def _find(self, detector: BaseModel) -> list[Predictions]:
        if isinstance(detector, SemiBaseDetector):
            raise ValueError(f'DatasetEquityHook: cannot weight the images of a {type(detector).__name__}, whose batches hold '
                             'several branches of images; train its detector without the teacher')
        found, refused = find_predictions(detector, self.apply_to)
        if refused or not found:
            what = f'cannot weight {", ".join(refused)}' if refused else 'found no head to weight'
            advice = 'docs/detector_families.md of imbdet lists what is supported'
            if self.apply_to == 'all':
                classifying, unweighted = find_predictions(detector, 'cls')
                if classifying and not unweighted:
                    advice = "Write apply_to='cls' to weight the classification losses alone"
            raise ValueError(f'DatasetEquityHook: {what} in the {type(detector).__name__} with apply_to={self.apply_to!r}. '
                             + advice)
        return found

    def _log(self, weights: np.ndarray) -> None:
        print_log(f'DatasetEquityHook: weights of {len(weights)} training images from {weights.min():.4g} to '
                  f'{weights.max():.4g}, mean {weights.mean():.4g}; applied to {self.apply_to} of '
                  + ', '.join(predictions.name for predictions in self._predictions), logger='current')
        heads = [type(predictions.head) for predictions in self._predictions]
        untested = {head.__name__ for head in heads if head not in TESTED_HEADS}
        if untested:
            print_log(f'DatasetEquityHook: {", ".join(sorted(untested))} is supported like the heads that it '
                      'is derived from, but no test of imbdet covers it', logger='current', level=logging.WARNING)

    def _start(self, detector: nn.Module, inputs: tuple, keywords: dict) -> None:
        """Forward pre-hook of the detector: look up the weights of the batch."""
        if keywords.get('mode') != 'loss':
            return
        weights = torch.from_numpy(self._lookup(keywords.get('data_samples')))
        self._batch.start(weights, next(detector.parameters()).device)

    def _lookup(self, samples: Any) -> np.ndarray:
        """Look up the weight of each sample, shape (B,), float32; of a mixed one the mean by the shares of its images."""
        sources = [source_images(sample) for sample in samples] if isinstance(samples, list) else [[]]
        if [] in sources:
            raise ValueError('DatasetEquityHook: the batch does not say which images it holds; PackDetInputs has to keep '
                             "'img_path' among its meta_keys")
        names = np.array([path for parts in sources for path, _ in parts])
        places = np.searchsorted(self._paths, names).clip(max=len(self._paths) - 1)
        unknown_images = names[self._paths[places] != names]
        if len(unknown_images):
            raise ValueError(f'DatasetEquityHook: {unknown_images[0]} is not among the images that the training set listed at '
                             'the start')
        shares = [share for parts in sources for _, share in parts]
        rows = np.repeat(np.arange(len(sources)), [len(parts) for parts in sources])
        return np.bincount(rows, self._weights[places] * shares).astype(np.float32)

    def _stop(self, detector: nn.Module, inputs: tuple, keywords: dict, losses: Any) -> Any:
        """Forward hook of the detector: add the log's entries; after the first batch, see what was reached."""
        weights = self._batch.weights
        self._batch.stop()
        if weights is None or not isinstance(losses, dict):  # no training step, or one that failed
            return losses
        missed = {name for predictions in self._predictions for name in predictions.names} - self._batch.reached
        if missed:
            raise ValueError(f'DatasetEquityHook: in the first batch no weight reached {", ".join(sorted(missed))}: its '
                             'predictions were made without a call of the head that hooks can see')
        self._predictions = []  # seen once
        return {**losses, 'equity_weight_mean': weights.mean(), 'equity_weight_min': weights.min()}

