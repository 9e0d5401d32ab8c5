"""The hook that starts a detector from the bias that the foreground prior asks for."""

import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from mmdet.registry import HOOKS
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner

from imbdet.classes import dataset_counts
from imbdet.heads import ClassificationHead, find_heads
from imbdet.sampling_free.head_bias import set_bias
from imbdet.sampling_free.measure_prior import measure_priors
from imbdet.sampling_free.pretrained_weights import pretrained_shapes
from imbdet.sampling_free.prior_file import read_priors, write_priors
from imbdet.training.detector import unwrap_detector
from imbdet.training.random_state import preserve_rng_state

Prior = str | float


def _shown(value: object) -> str:
    """Write a prior, a bias, the range of several, or a count."""
    if isinstance(value, list):
        return f'{min(value):.4g} to {max(value):.4g}'
    return f'{value:.4g}' if isinstance(value, float) else str(value)


@HOOKS.register_module()
class OptimalBiasInitHook(Hook):
    r"""Set the bias of classification layers so that training starts from the foreground prior.

    .. math:: \pi = N_f / (N C),\qquad b = -\log((1 - \pi) / \pi)

    with N anchors, N_f of them foreground, and C classes (arXiv 1909.04868). Among all biases this one has the least
    initial cross entropy, so that plain cross entropy over all anchors trains without focal loss or sampling. A softmax
    over classes and background gets :math:`b_{fg} - b_{bg} = -\log(1 / \pi - C)`; YOLOX and YOLOv3 the bias of their
    objectness, with C = 1.

    ``prior='measure'`` runs a few training batches, augmentation and all, through the detector before training, without
    gradients, and counts what each head's own assigner makes foreground, over all ranks. The detector's weights, buffers
    and the random generators stay as they were. The priors go to the log and to ``foreground_prior.json`` in the work
    directory. Where the assigner looks at the predictions (PAA, YOLOX) the measured prior depends on random weights: a
    warning says so.

    A head whose bias came from a checkpoint, by resuming, by ``load_from`` or by an ``init_cfg`` of type ``Pretrained`` of the
    detector or the head, keeps it, because it was trained; the others, such as those of another number of classes, are
    initialized.

    Known heads are those of :data:`imbdet.heads.HEAD_SPECS` and heads derived from them; docs/detector_families.md lists what
    works with which detector. SSD's prior must be given. The heads of R-CNN stages and of the DETR family are left alone
    unless ``prior`` names them; for the DETRs it must give a number. Heads whose parameters do not train, such as those of a
    teacher, are left alone too.

    ``class_wise`` gives each class its own prior, :math:`\pi_j = C \pi N_j / \sum_j N_j` with the training boxes N_j: on a long
    tail, a common prior starts rare classes far too high. Ours; the paper and its code have one prior for all classes.

    Args:
        prior: ``'measure'``; or a prior in (0, 1); or the path of a ``foreground_prior.json``; or by head name, such as
            ``dict(rpn_head='measure', bbox_head=1e-2)``, by which only the named heads are initialized.
        num_batches: Batches to measure on, at least 1, on each rank. None: a twentieth of an epoch, at most 50.
        dataloader: Config of the dataloader to measure on. None: the training dataloader's, on its data set.
        layers: For heads that are not known, the attribute with their classification layer, by head name, such as
            ``dict(bbox_head='my_cls')``.
        class_wise: Whether each class has a bias of its own, by how many boxes it has in the training set. An error for heads
            with an objectness, whose prior is the objectness's.

    Raises:
        ValueError: If an argument is out of range.
        FileNotFoundError: If the file of priors does not exist.

    Examples:
        >>> custom_hooks = [dict(type='OptimalBiasInitHook', prior='measure')]
    """

    def __init__(self,
                 prior: Prior | Mapping[str, Prior] = 'measure',
                 num_batches: int | None = None,
                 dataloader: dict | None = None,
                 layers: Mapping[str, str] | None = None,
                 class_wise: bool = False) -> None:
        if num_batches is not None and num_batches < 1:
            raise ValueError(f'num_batches must be at least 1, got {num_batches}')
        if isinstance(prior, str) and prior != 'measure':
            prior = read_priors(prior)
        for value in prior.values() if isinstance(prior, Mapping) else [prior]:
            if value != 'measure' and not (isinstance(value, float) and 0 < value < 1):
                raise ValueError(f"prior must be 'measure', a number in (0, 1), or one of these per head, got {value!r}")
        self.prior = prior
        self.num_batches = num_batches
        self.dataloader = dataloader
        self.layers = layers
        self.class_wise = class_wise
        self._loaded: dict[str, torch.Size] = {}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note which weights a checkpoint brings.

        Args:
            runner: The runner of the training.
            checkpoint: The checkpoint, with ``state_dict`` or being one.
        """
        weights = checkpoint.get('state_dict', checkpoint)
        self._loaded = {name.removeprefix('module.'): value.shape for name, value in weights.items()
                        if isinstance(value, torch.Tensor)}

    def before_train(self, runner: Runner) -> None:
        """Find the priors and write the biases, except those that a checkpoint brought.

        Args:
            runner: The runner of the training.

        Raises:
            ValueError: If a head is not known, has nothing to count, or is not in the detector.
        """
        detector = unwrap_detector(runner)
        heads = find_heads(detector, self.layers)
        # What a checkpoint brought since, on a resume all of it, need not be read again.
        layers = [layer for head in heads.values() for layer in head.layers if f'{layer}.bias' not in self._loaded]
        self._loaded = pretrained_shapes(detector, layers) | self._loaded
        priors = self._choose(heads)
        measured = self._measure(runner, detector, [head for head, prior in priors if prior == 'measure'])
        counts = dataset_counts(runner.train_dataloader.dataset).boxes if self.class_wise else None
        records = {}
        for head, prior in priors:
            record = measured.get(head.name) or {'prior': float(prior)}
            record['bias'] = set_bias(head, record['prior'], counts)
            records[head.name] = record
            print_log(f'OptimalBiasInitHook: {head.name}: '
                      + ', '.join(f'{name} {_shown(value)}' for name, value in record.items()), logger='current')
        if measured and is_main_process():
            write_priors(Path(runner.work_dir), records)

    def _choose(self, heads: dict[str, ClassificationHead]) -> list[tuple[ClassificationHead, Prior]]:
        """Pair the heads to initialize with what ``prior`` gives for them; raise if that is not possible for one."""
        if isinstance(self.prior, Mapping):
            unknown = set(self.prior) - set(heads)
            if unknown:
                raise ValueError(f'OptimalBiasInitHook: prior names {", ".join(sorted(unknown))}; the heads of the '
                                 f'detector are {", ".join(heads) or "none"}')
            chosen = [(heads[name], prior) for name, prior in self.prior.items()]
        else:
            chosen = [(head, self.prior) for head in heads.values() if not head.spec.explicit_only and head.is_trained]
            frozen = [head.name for head in heads.values() if not head.is_trained]
            if frozen:
                print_log(f'OptimalBiasInitHook: leaves {", ".join(frozen)} alone, which do not train', logger='current')
            if not heads:
                raise ValueError('OptimalBiasInitHook: the detector has no head with a loss_cls; name the attribute with the '
                                 'classification layer of a head in layers=dict(HEAD=...), and give its prior as a number')
            if not chosen:
                raise ValueError('OptimalBiasInitHook: no head of the detector is initialized by default; '
                                 f'name one of {", ".join(heads)} in prior=dict(NAME=...)')
        chosen = [(head, prior) for head, prior in chosen if not self._was_loaded(head)]
        for head, prior in chosen:
            self._check(head, prior)
        return chosen

    def _was_loaded(self, head: ClassificationHead) -> bool:
        shapes = {f'{name}.bias': getattr(getattr(layer, 'bias', None), 'shape', None) for name, layer in head.layers.items()}
        loaded = bool(shapes) and all(name in self._loaded and self._loaded[name] == shape for name, shape in shapes.items())
        if loaded:
            print_log(f'OptimalBiasInitHook: {head.name} keeps the bias of the loaded checkpoint', logger='current')
        return loaded

    def _check(self, head: ClassificationHead, prior: Prior) -> None:
        kind = type(head.module).__name__
        if head.spec.is_product:
            raise ValueError(f'OptimalBiasInitHook: {head.name} is a {kind}, whose class probability is a product of several '
                             'outputs, so that no bias of one layer sets it. Leave the hook out, or name only other heads in '
                             'prior=dict(NAME=...)')
        if getattr(head.module, 'custom_cls_channels', False) and head.has_background:
            raise ValueError(f'OptimalBiasInitHook: {head.name} is a {kind}, whose loss has an objectness of its own beside a '
                             'softmax of the classes; its bias starts well at 0, so leave the head out')
        if self.class_wise and head.spec.objectness:
            raise ValueError(f'OptimalBiasInitHook: {head.name} is a {kind}, whose objectness has the foreground prior; '
                             'leave class_wise out')
        if not head.layers:
            raise ValueError(f'OptimalBiasInitHook: {head.name} is a {kind}, which is not known; name the attribute with '
                             f"its classification layer in layers={{'{head.name}': ...}}")
        if prior == 'measure' and head.loss is None:
            raise ValueError(f'OptimalBiasInitHook: the foreground of {head.name}, a {kind}, cannot be counted; give '
                             f"its prior as a number: prior={{'{head.name}': ...}}")
        if prior == 'measure' and head.spec.prediction_dependent:
            print_log(f'OptimalBiasInitHook: {kind} assigns by its predictions, which are random now; the prior measured '
                      f"for {head.name} is a guess. Better give a number: prior={{'{head.name}': ...}}",
                      logger='current', level=logging.WARNING)

    def _measure(self, runner: Runner, detector: BaseModel, heads: list[ClassificationHead]) -> dict[str, dict]:
        """Measure the priors of the heads; return prior and counts by the head's name."""
        if not heads:
            return {}
        config = self.dataloader
        if config is None:
            if 'train_dataloader' not in runner.cfg:
                raise ValueError('OptimalBiasInitHook: the runner has no config with a train_dataloader; give dataloader=')
            config = {**runner.cfg.train_dataloader, 'dataset': runner.train_dataloader.dataset}
        with preserve_rng_state():
            # A loader of its own: samplers have state, and training shall start where it would have without this.
            loader = runner.build_dataloader({**config, 'persistent_workers': False}, seed=runner.seed)
            return measure_priors(detector, heads, loader, self.num_batches)
