"""What is checked of each hook on a detector family."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from detector_family import Family, detect, training_losses
from mmdet.models import SemiBaseDetector
from torch import Tensor

from imbdet.calibration import (
    CalibratedLayer,
    Calibration,
    ClassStatistics,
    LogitShiftHook,
    calibrate_checkpoint,
    calibrated_layers,
    write_statistics,
)
from imbdet.classes import ClassCounts
from imbdet.dataset_equity import DatasetEquityHook, LikelihoodFile, write_likelihoods
from imbdet.dataset_equity.equity_hook import TESTED_HEADS
from imbdet.heads import ClassificationHead, find_class_layers, find_heads
from imbdet.heads.head_specs import RPN_HEADS
from imbdet.heads.loss_pairs import CLASSIFIES
from imbdet.losses import ClassWeighted, EqualizedFocalLoss
from imbdet.losses.class_weighted import WITHOUT_WEIGHTS
from imbdet.losses.supported_heads import check_heads
from imbdet.sampling_free import ClassAdaptiveThresholdHook, GuidedLossHook, OptimalBiasInitHook
from imbdet.sampling_free.prior_file import read_priors

WEIGHT = 0.5


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
              for part in _parts(loss)]
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


def _keep_output(seen: dict[str, Tensor], name: str) -> Callable[..., None]:
    """Make a forward hook that keeps the first outputs of a layer."""

    def keep(_: torch.nn.Module, inputs: tuple, outputs: Tensor) -> None:
        seen.setdefault(name, outputs)

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
        return sum(float(part.mean()) for part in _parts(loss))

    for name, partners in hook.pairs.items():
        assert np.isclose(total(losses[name]), sum(total(losses[partner]) for partner in partners), rtol=1e-4), name
    return family.supported


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


def check_shift(family: Family) -> str:
    """LogitShiftHook adds the shift to the first class logits, and detects what a calibrated checkpoint detects."""
    calibration = Calibration('norcal', 0.6, k=6.0)  # with random weights, scores are low; k lifts them above score_thr
    num_classes = find_class_layers(family.detector)[0].channels.shape[1]
    counts = np.arange(1, num_classes + 1).tolist()
    statistics = ClassStatistics([str(count) for count in counts], counts, counts, num_classes, [1.0] * num_classes)
    path = Path(family.runner.work_dir) / 'statistics.json'
    write_statistics(path, statistics)
    layers = calibrated_layers(family.detector, calibration, statistics)
    try:
        _, plain = detected(family, layers)
    except Exception as error:  # whatever a detector raises
        return f'mmdet fails without a hook: {type(error).__name__}: {error}'
    hook = LogitShiftHook('norcal', tau=0.6, k=6.0, statistics=path)
    hook.attach_to(family.runner)
    try:
        hooked, shifted = detected(family, layers)
    finally:
        hook.let_go()
    state = copy.deepcopy(family.detector.state_dict())
    family.detector.load_state_dict(calibrate_checkpoint({'state_dict': state}, calibration, layers)['state_dict'])
    try:
        calibrated, _ = detected(family, layers)
    finally:
        family.detector.load_state_dict(state)
    assert hooked.shape == calibrated.shape, f'{len(hooked)} detections by the hook, {len(calibrated)} by the checkpoint'
    assert torch.allclose(hooked, calibrated, atol=1e-3), 'the scores of hook and checkpoint differ'
    name, outputs = next(iter(plain.items()))
    expected = next(each for each in layers if each.layer.name == name)
    assert torch.allclose(shifted[name], expected.apply(outputs), atol=1e-3), f'{name} is not shifted'
    return family.supported


def check_class_weighted(family: Family) -> str:
    """ClassWeighted with weights of 1 around the loss of each head leaves all losses as they are."""
    if not class_heads(family):
        return NO_LOSS
    training_losses(family)  # Libra R-CNN's first is not repeatable
    buffers = {name: value.clone() for name, value in family.detector.named_buffers()}
    plain = training_losses(family)
    for name, value in family.detector.named_buffers():  # such as the counts of Seesaw loss
        value.copy_(buffers[name])

    def around(head: ClassificationHead) -> torch.nn.Module:
        loss = head.module.loss_cls
        num_classes = int(head.module.num_classes)
        use_sigmoid = bool(getattr(loss, 'use_sigmoid', False))
        config = dict(type='CrossEntropyLoss', use_sigmoid=use_sigmoid)
        wrapper = ClassWeighted(config, [1.0] * num_classes, use_sigmoid=use_sigmoid)
        if type(loss).__name__ in WITHOUT_WEIGHTS:
            ClassWeighted(dict(type=type(loss).__name__, use_sigmoid=True), [1.0], use_sigmoid=True)  # raises
        wrapper.loss = loss
        return wrapper

    with exchanged_losses(family, around):
        found = training_losses(family)
    assert found.keys() == plain.keys()
    for name, loss in plain.items():
        if 'loss' in name:
            parts = [(one, other) for one, other in zip(_parts(loss), _parts(found[name]), strict=True)]
            assert all(torch.allclose(one, other, rtol=1e-4, atol=1e-6) for one, other in parts), name
    return family.supported


def check_equalized_focal(family: Family) -> str:
    """EqualizedFocalLoss in each head that it supports trains the class logits with finite gradients."""
    if not class_heads(family):
        return NO_LOSS
    with exchanged_losses(family, lambda head: EqualizedFocalLoss(reduction=head.module.loss_cls.reduction)):
        found = gradients(family, lambda name: bool(CLASSIFIES.search(name)))
    assert found
    assert all(value.isfinite().all() for value in found.values())
    return family.supported


NO_LOSS = 'refused: no head has a loss of classes that could be another one'


def class_heads(family: Family) -> list[ClassificationHead]:
    """List the heads with a loss of classes."""
    return [head for head in find_heads(family.detector).values() if not isinstance(head.module, RPN_HEADS)
            and head.spec.has_predictions and hasattr(head.module, 'loss_cls')]


@contextlib.contextmanager
def exchanged_losses(family: Family, make: Callable[[ClassificationHead], torch.nn.Module]) -> Iterator[None]:
    """Give the heads of classes other losses, as their configs would, if these support all of them."""
    heads = class_heads(family)
    before = [head.module.loss_cls for head in heads]
    try:
        for head in heads:
            head.module.loss_cls = make(head)
            counts = np.arange(1, int(head.module.num_classes) + 1)
            head.module.loss_cls.set_class_counts(ClassCounts(counts, counts, len(counts)))
        check_heads(family.detector)
        yield
    finally:
        for head, loss in zip(heads, before, strict=True):
            head.module.loss_cls = loss


def _parts(loss: Any) -> list[Tensor]:
    return list(loss) if isinstance(loss, list | tuple) else [loss]


def detected(family: Family, layers: list[CalibratedLayer]) -> tuple[Tensor, dict[str, Tensor]]:
    """Return what is detected, and what the layers give first.

    Returns:
        Scores of the detections in descending order, of a panoptic detector the map of its segments; and by name what each
        layer gave when it was first called, in the order of these calls.
    """
    first: dict[str, Tensor] = {}
    handles = [each.layer.layer.register_forward_hook(_keep_output(first, each.layer.name)) for each in layers]
    try:
        sample = detect(family)[0]
    finally:
        for handle in handles:
            handle.remove()
    if 'pred_instances' in sample:
        return sample.pred_instances.scores.sort(descending=True).values, first
    return sample.pred_panoptic_seg.sem_seg.flatten().float(), first


CHECKS: dict[str, Callable[[Family], str]] = {
    'bias': check_bias, 'guided': check_guided, 'threshold': check_threshold, 'equity cls': check_equity('cls'),
    'equity all': check_equity('all'), 'shift': check_shift, 'weighted': check_class_weighted,
    'equalized focal': check_equalized_focal}
"""What is tried, in the order of the table's columns."""
