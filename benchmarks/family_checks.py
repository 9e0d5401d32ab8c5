"""Building a detector family of mmdet's small enough to try, and what is checked of each hook on it."""

import copy
import functools
import itertools
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import mmdet
import numpy as np
import torch
from mmdet.models import SemiBaseDetector
from mmdet.models.backbones.trident_resnet import TridentConv
from mmdet.models.dense_heads import PAAHead
from mmdet.registry import MODELS
from mmdet_families import FAMILIES
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.runner import Runner
from random_detections import RandomDetections
from torch import Tensor

from imbdet.dataset_equity import DatasetEquityHook, LikelihoodFile, write_likelihoods
from imbdet.dataset_equity.equity_hook import TESTED_HEADS
from imbdet.heads import ClassificationHead, find_heads
from imbdet.heads.loss_pairs import CLASSIFIES
from imbdet.sampling_free import ClassAdaptiveThresholdHook, GuidedLossHook, OptimalBiasInitHook
from imbdet.sampling_free.prior_file import read_priors

CONFIGS = Path(mmdet.__file__).parent / '.mim/configs'
SEMANTIC_STRIDE = {'htc': 8, 'detectors': 8, 'scnet': 8}
"""Families whose pipelines give semantic labels in cells of so many pixels."""
WEIGHT = 0.5
MOST = {'num_queries': 100, 'max_per_img': 100, 'num': 64, 'num_proposals': 100}
"""What is cut down: queries of DETRs, proposals and their samples of R-CNNs."""
RUNS = itertools.count()


class Family(NamedTuple):
    """A detector with all that a hook asks for.

    Attributes:
        name: Name of the family.
        detector: The detector.
        runner: A runner with its training set.
        batch: A batch as the data loader gives it.
        is_tested: Whether the suite tests all of its heads.
    """

    name: str
    detector: BaseModel
    runner: Runner
    batch: dict
    is_tested: bool

    @property
    def supported(self) -> str:
        """What the table says of a hook that supports the family."""
        return 'tested' if self.is_tested else 'yes'


def shrink(config: Any) -> None:
    """Take out of a model's config what loads weights, mixes batches, needs several GPUs, or is large; in place."""
    if isinstance(config, list | tuple):
        for value in config:
            shrink(value)
    if not isinstance(config, dict):
        return
    for key in ('init_cfg', 'pretrained', 'batch_augments', 'teacher_ckpt'):
        config.pop(key, None)
    config.update({key: most for key, most in MOST.items() if isinstance(config.get(key), int) and config[key] > most})
    if config.get('type') == 'SyncBN':
        config['type'] = 'BN'
    if config.get('eps') == 0:  # NAS-FCOS's; torch 2.11 refuses it
        config['eps'] = 1e-5
    if 'teacher_config' in config:
        config['teacher_config'] = str(CONFIGS / config['teacher_config'].removeprefix('configs/'))
    for value in config.values():
        shrink(value)


def build_family(name: str) -> Family:
    """Build a detector and its training set.

    Args:
        name: One of ``FAMILIES``.

    Returns:
        The family.
    """
    config = Config.fromfile(CONFIGS / name.split(' ')[0] / f'{FAMILIES[name]}.py')
    shrink(config.model)
    torch.manual_seed(0)
    detector = MODELS.build(config.model)
    detector.init_weights()
    teacher = getattr(detector, 'teacher_model', None)  # LAD's is none of its modules, to stay out of its checkpoints
    for module in itertools.chain(detector.modules(), teacher.modules() if teacher else ()):
        if isinstance(module, TridentConv):  # comes from a checkpoint or is left as the memory was
            torch.nn.init.kaiming_normal_(module.weight)
        if isinstance(module, PAAHead):
            # mmdet fits two normal distributions to its losses, in float32. One of them collapses on a single loss if losses
            # are large, as those of a deep backbone with random weights. Scores of almost 0 have small ones.
            torch.nn.init.normal_(module.atss_cls.weight, std=1e-4)
    heads = [head.module for head in find_heads(detector).values()]
    classes = [head.num_classes for head in heads if isinstance(getattr(head, 'num_classes', None), int)]
    side = 320 if 'ssd' in FAMILIES[name] else 128
    arguments = dict(num_classes=max(classes, default=80), side=side, stride=SEMANTIC_STRIDE.get(name, 1),
                     with_masks='with_mask=True' in config.pretty_text or 'Panoptic' in config.pretty_text,
                     branches=('sup', 'unsup_teacher', 'unsup_student') if isinstance(detector, SemiBaseDetector) else ())
    dataset = RandomDetections(**arguments)
    runner = _runner(detector, arguments)
    runner.message_hub.update_info('epoch', 0)  # which TOOD asks for; mmengine sets it in a training
    is_tested = {type(head) for head in heads} <= tested_heads() and bool(heads) and not isinstance(detector, SemiBaseDetector)
    return Family(name, detector, runner, pseudo_collate([dataset[0], dataset[1]]), is_tested)


@functools.cache
def tested_heads() -> set[type]:
    """The classes of heads that the test suite compares with independent computations."""
    from tests.tiny_detectors import DETECTORS, tiny_detector
    return {type(head.module) for name in DETECTORS for head in find_heads(MODELS.build(tiny_detector(name))).values()}


def _runner(detector: BaseModel, arguments: dict) -> Runner:
    return Runner(
        detector, tempfile.mkdtemp(), default_scope='mmdet', experiment_name=f'family_{next(RUNS)}', log_level='ERROR',
        train_dataloader=dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
                              collate_fn=dict(type='pseudo_collate'), dataset=dict(type='RandomDetections', **arguments)),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=1),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0)),
        cfg=Config(dict(train_dataloader=dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
                                              collate_fn=dict(type='pseudo_collate')))))


def training_losses(family: Family) -> dict[str, Any]:
    """Compute the losses of the batch; the same numbers each time."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    detector = family.detector
    detector.train()
    return detector(**detector.data_preprocessor(copy.deepcopy(family.batch), True), mode='loss')


def gradients(family: Family, counts: Callable[[str], bool]) -> dict[str, Tensor]:
    """Compute the gradients of some of the losses, the detector's state put back afterwards.

    Args:
        family: The family.
        counts: Which losses, by their names.

    Returns:
        The gradients by the parameters' names; empty without such a loss.
    """
    buffers = {name: value.clone() for name, value in family.detector.named_buffers()}
    family.detector.zero_grad()
    chosen = [part.float().mean() for name, loss in training_losses(family).items() if 'loss' in name and counts(name)
              for part in (loss if isinstance(loss, list | tuple) else [loss])]
    if chosen:
        torch.stack(chosen).sum().backward()
    for name, value in family.detector.named_buffers():
        value.copy_(buffers[name])
    return {name: value.grad for name, value in family.detector.named_parameters() if value.grad is not None} if chosen else {}


def check_bias(family: Family) -> str:
    """OptimalBiasInitHook measures the priors; where it does not, it takes a number, or a number for a head that is named."""
    state = copy.deepcopy(family.detector.state_dict())
    heads = find_heads(family.detector)
    tries: list[tuple[str, Any]] = [(family.supported, 'measure'), (f'{family.supported}, `prior`', 1e-3)]
    tries += [(f'{family.supported}, `named`', {name: 1e-3}) for name, head in heads.items() if head.layers and head.is_trained]
    refusal = None
    try:
        for text, prior in tries:
            try:
                OptimalBiasInitHook(prior=prior, num_batches=1).before_train(family.runner)
            except ValueError as error:
                refusal = refusal or error
                continue
            if prior == 'measure':
                _check_start(family, heads)
            assert all(torch.isfinite(layer.bias).all() for head in heads.values() for layer in head.layers.values())
            return text
    finally:
        family.detector.load_state_dict(state)
    raise ValueError(f'OptimalBiasInitHook: {refusal}' if 'Hook' not in str(refusal) else str(refusal))


@torch.no_grad()
def _check_start(family: Family, heads: dict[str, ClassificationHead]) -> None:
    """With weights of zero, each measured head gives its loss the measured prior as the probability of every class."""
    records = read_priors(Path(family.runner.work_dir) / 'foreground_prior.json')
    seen: dict[str, Tensor] = {}
    handles = []
    for name in records:
        for layer in heads[name].layers.values():
            layer.weight.zero_()
        loss = getattr(heads[name].module, str(heads[name].spec.loss))
        handles.append(loss.register_forward_pre_hook(_keep(seen, name), with_kwargs=True))
    try:
        training_losses(family)
    finally:
        for handle in handles:
            handle.remove()
    for name, prior in records.items():
        logits = seen[name].float()
        found = logits.softmax(-1)[:, :-1] if heads[name].has_background else logits.sigmoid()
        assert torch.allclose(found, torch.full_like(found, prior), rtol=1e-3), f'{name} starts at {found.mean()}, not {prior}'


def _keep(seen: dict[str, Tensor], name: str) -> Callable[..., None]:
    """Make a forward pre-hook that keeps the first predictions that a loss is called with."""

    def keep(_: torch.nn.Module, inputs: tuple, keywords: dict) -> None:
        seen.setdefault(name, inputs[0] if inputs else keywords['pred'])

    return keep


def check_guided(family: Family) -> str:
    """Each classification loss becomes as large as the regression losses next to it."""
    hook = GuidedLossHook()
    hook.attach_to(family.runner)
    try:
        losses = training_losses(family)
    finally:
        hook.let_go()

    def total(loss: Any) -> float:
        return sum(float(part.mean()) for part in (loss if isinstance(loss, list | tuple) else [loss]))

    for name, partners in hook.pairs.items():
        assert np.isclose(total(losses[name]), sum(total(losses[partner]) for partner in partners), rtol=1e-4), name
    return family.supported


def detect(family: Family) -> list[Any]:
    """Detect in one image, as guided anchors want it."""
    family.detector.eval()
    with torch.no_grad():
        return family.detector.test_step({key: value[:1] for key, value in copy.deepcopy(family.batch).items()})


def check_threshold(family: Family) -> str:
    """Of its most frequent and of its rarest class, a detector finds what it finds with that threshold for all classes.

    Fewer of the most frequent and more of the rarest at the most, as the thresholds of the others are lower and higher and the
    number of detections is limited. Each test_cfg is as it was.
    """
    configs = [copy.deepcopy(module.test_cfg) for module in family.detector.modules() if hasattr(module, 'test_cfg')]
    is_semi = isinstance(family.detector, SemiBaseDetector)  # detects with its student or its teacher
    try:
        plain = [] if is_semi else detect(family)
    except Exception as error:  # whatever a detector raises
        return f'mmdet fails without a hook: {type(error).__name__}: {error}'
    hook = ClassAdaptiveThresholdHook(prior=1e-3)
    hook.attach_to(family.runner)
    try:
        found = plain if is_semi else detect(family)
    finally:
        hook.let_go()
    assert configs == [module.test_cfg for module in family.detector.modules() if hasattr(module, 'test_cfg')]
    if not found or 'pred_instances' not in found[0]:
        return family.supported

    def scores(samples: list[Any], label: int, threshold: float = 0.0) -> set[float]:
        return {round(score, 6) for sample in samples for score, other in zip(
            sample.pred_instances.scores.tolist(), sample.pred_instances.labels.tolist(), strict=True)
            if other == label and score > threshold}

    with_threshold = [module.test_cfg for module in family.detector.modules() if 'score_thr' in (
        getattr(module, 'test_cfg', None) or {})]
    own = [config['score_thr'] for config in with_threshold]
    for label, is_rarest in ((int(hook._thresholds.argmax()), False), (int(hook._thresholds.argmin()), True)):
        threshold = float(hook._thresholds[label])
        for config in with_threshold:
            config['score_thr'] = threshold
        theirs = scores(detect(family), label, 0.0 if own else threshold)
        for config, score_thr in zip(with_threshold, own, strict=True):
            config['score_thr'] = score_thr
        mine = scores(found, label)
        assert theirs <= mine if is_rarest else mine <= theirs, f'class {label}: {len(mine)} found, {len(theirs)} by mmdet'
    return family.supported


def check_equity(apply_to: str) -> Callable[[Family], str]:
    """DatasetEquityHook with equal weights multiplies the gradients by this weight, whatever the head."""

    def counts(name: str) -> bool:
        return apply_to == 'all' or bool(CLASSIFIES.search(name))

    def check(family: Family) -> str:
        path = Path(family.runner.work_dir) / 'equity.npz'
        write_likelihoods(path, LikelihoodFile(
            np.array(['0', '1']), np.array(['0.png', '1.png']), np.zeros(2, np.int32), np.ones(2), np.array([], str), {}))
        hook = DatasetEquityHook(path, eta=WEIGHT / (1 - WEIGHT), apply_to=apply_to)
        hook.attach_to(family.runner)
        heads = {type(predictions.head) for predictions in hook._predictions}
        try:
            weighted = gradients(family, counts)
        finally:
            hook.let_go()
        plain = gradients(family, counts)
        assert weighted.keys() == plain.keys()
        largest = max((float(value.abs().max()) for value in plain.values()), default=0.0)
        wrong = [name for name, value in plain.items()
                 if not torch.allclose(weighted[name], WEIGHT * value, rtol=1e-3, atol=1e-5 * largest)]
        assert not wrong, f'{len(wrong)} of {len(plain)} gradients are not weighted, such as {wrong[0]}'
        return 'tested' if heads <= set(TESTED_HEADS) else 'yes'

    return check


CHECKS: dict[str, Callable[[Family], str]] = {
    'bias': check_bias, 'guided': check_guided, 'threshold': check_threshold, 'equity cls': check_equity('cls'),
    'equity all': check_equity('all')}
"""What is tried, in the order of the table's columns."""
