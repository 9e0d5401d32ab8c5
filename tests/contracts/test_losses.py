"""What every loss of the long tail must do: see the contract of losses in CONTRIBUTING.md."""

import copy

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS

from imbdet.classes import ClassCounts
from imbdet.losses import FederatedLoss, sigmoid_terms
from imbdet.losses.running_statistics import RunningStatistics

BCE = dict(type='CrossEntropyLoss', use_sigmoid=True)
FOCAL = dict(type='FocalLoss', use_sigmoid=True)
COUNTS = ClassCounts(np.array([80, 30, 4]), np.array([200, 40, 5]), 100)
DENSE = {
    'class weights, focal': dict(type='ClassWeighted', loss=FOCAL, use_sigmoid=True),
    'class weights, cross entropy': dict(type='ClassWeighted', loss=BCE, use_sigmoid=True, weights='effective_number'),
    'class weights, given': dict(type='ClassWeighted', loss=FOCAL, use_sigmoid=True, weights=[1, 2, 5]),
    'federated': dict(type='FederatedLoss', loss=FOCAL, num_kept=2),
    'federated by lists': dict(type='FederatedLoss', loss=FOCAL, negatives='listed'),
    'effective class margin': dict(type='EffectiveClassMarginLoss'),
    'balanced sigmoids': dict(type='BalancedSoftmaxLoss', use_sigmoid=True),
    'equalization': dict(type='EqualizationLoss', tail_share=0.03),
    'drop': dict(type='EqualizationLoss', tail_share=0.03, drop_background=True),
    'gumbel': dict(type='GumbelLoss', tail_share=0.03),
    'equalization v2': dict(type='EqualizationLossV2'),
    'equalized focal': dict(type='EqualizedFocalLoss'),
    'seesaw of sigmoids': dict(type='SynchronizedSeesawLoss', loss=FOCAL, use_sigmoid=True),
}
BOX = {
    'class weights, softmax': dict(type='ClassWeighted', loss=dict(type='CrossEntropyLoss')),
    'balanced softmax': dict(type='BalancedSoftmaxLoss'),
    'effective class margin, box head': dict(type='EffectiveClassMarginLoss'),
    'equalization v2, box head': dict(type='EqualizationLossV2'),
    'seesaw': dict(type='SynchronizedSeesawLoss'),
}
CASES = {**DENSE, **BOX}
IN_DOUBLE = [name for name in CASES if name != 'class weights, cross entropy']  # mmdet's computes in float32
LABELS = torch.tensor([0, 3, 2, 1, 3, 0, 3, 3])
N = len(LABELS)


def make(case, **settings):
    """A loss with counts and, if it has any, statistics; and the number of its logits."""
    config = copy.deepcopy(CASES[case])
    config.get('loss', config).update(settings)
    loss = MODELS.build(config)
    loss.set_class_counts(COUNTS)
    num_outputs = 3
    if case in BOX:
        num_outputs = loss.get_cls_channels(3) if getattr(loss, 'custom_cls_channels', False) else 4
    if isinstance(loss, RunningStatistics):
        loss.load_statistics(torch.linspace(3, 10, loss.statistics.numel()).view_as(loss.statistics))
    if isinstance(loss, FederatedLoss):
        loss.start_step(torch.tensor([True, True, False]), 0)
    return loss, num_outputs


def logits_of(num_outputs, dtype=torch.float64, num_rows=N, scale=2.0):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(num_rows, num_outputs, generator=generator, dtype=torch.float64) * scale
    return values.to(dtype).requires_grad_()


def compute(loss, logits, *arguments, **keys):
    torch.manual_seed(0)  # DropLoss draws
    return loss(logits, *arguments, **keys)


def rows_of(elements):
    return elements.reshape(N, -1).sum(1)


@pytest.fixture(params=CASES)
def case(request):
    return request.param


def test_weight_and_reduction(case):
    """Elements, their weighted sum, and their weighted sum over avg_factor."""
    loss, num_outputs = make(case)
    dtype = torch.float64 if case in IN_DOUBLE else torch.float32
    logits, weight = logits_of(num_outputs, dtype), torch.rand(N, dtype=dtype)
    rows = rows_of(compute(loss, logits, LABELS, reduction_override='none'))
    assert rows.gt(0).all()
    torch.testing.assert_close(rows_of(compute(loss, logits, LABELS, weight, reduction_override='none')), rows * weight)
    torch.testing.assert_close(compute(loss, logits, LABELS, weight, reduction_override='sum'), (rows * weight).sum())
    torch.testing.assert_close(compute(loss, logits, LABELS, weight, avg_factor=5.0), (rows * weight).sum() / 5,
                               rtol=1e-6, atol=0)
    with pytest.raises(ValueError, match='avg_factor'):
        loss(logits, LABELS, avg_factor=5.0, reduction_override='sum')


def test_gradients_are_weighted(case):
    """A row of weight 0 has no gradient, one of weight 2 twice that of weight 1."""
    gradients = []
    for values in ([1.0] * N, [2.0] * (N - 1) + [0.0]):
        loss, num_outputs = make(case)
        logits = logits_of(num_outputs)
        compute(loss, logits, LABELS, torch.tensor(values), avg_factor=1.0).backward()
        gradients.append(logits.grad)
    torch.testing.assert_close(gradients[1][:-1], 2 * gradients[0][:-1])
    assert gradients[0][-1].any()
    assert not gradients[1][-1].any()


@pytest.mark.parametrize('case', [name for name in DENSE if 'federated' not in name and name in IN_DOUBLE])
def test_weights_of_elements(case):
    """Each with a weight of its own, in the elements and in the gradient."""
    weight = torch.rand(N, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = []
    for given in (torch.ones(N, 3), weight):
        loss, num_outputs = make(case)
        logits = logits_of(num_outputs)
        elements = compute(loss, logits, LABELS, given, reduction_override='none')
        elements.sum().backward()
        found.append((elements, logits.grad))
    torch.testing.assert_close(found[1][0], found[0][0] * weight)
    torch.testing.assert_close(found[1][1], found[0][1] * weight)


@pytest.mark.parametrize('case', [name for name in DENSE if name in IN_DOUBLE])
def test_weights_of_elements_in_a_row(case):
    """FSAF flattens them."""
    weight = torch.rand(N, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = []
    for given in (weight, weight.flatten()):
        loss, num_outputs = make(case)
        found.append(compute(loss, logits_of(num_outputs), LABELS, given, avg_factor=4.0))
    torch.testing.assert_close(*found)


def test_loss_weight(case):
    plain, num_outputs = make(case)
    double, _ = make(case, loss_weight=2.0)
    logits = logits_of(num_outputs)
    torch.testing.assert_close(compute(double, logits, LABELS), 2 * compute(plain, logits, LABELS))


def test_reduction_of_the_config(case):
    plain, num_outputs = make(case)
    summed, _ = make(case, reduction='sum')
    torch.testing.assert_close(compute(summed, logits_of(num_outputs), LABELS),
                               compute(plain, logits_of(num_outputs), LABELS, reduction_override='sum'))


def test_without_rows(case):
    loss, num_outputs = make(case)
    logits = logits_of(num_outputs, num_rows=0)
    value = compute(loss, logits, LABELS[:0], LABELS[:0].double(), avg_factor=1.0)
    value.backward()
    assert value.item() == 0
    assert logits.grad.shape == logits.shape


def test_only_background(case):
    loss, num_outputs = make(case)
    logits = logits_of(num_outputs)
    value = compute(loss, logits, torch.full((N, ), 3), avg_factor=float(N))
    value.backward()
    assert value.isfinite()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize('sign', [1, -1])
def test_huge_logits(case, dtype, sign):
    loss, num_outputs = make(case)
    logits = torch.full((N, num_outputs), sign * 1e4, dtype=dtype)
    logits[::2] *= -1
    logits.requires_grad_()
    value = compute(loss, logits, LABELS, avg_factor=float(N))
    value.backward()
    assert value.isfinite()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(case, dtype):
    """Of the same logits it is the same loss, in and outside of autocast."""
    loss, num_outputs = make(case)
    half = logits_of(num_outputs, dtype)
    single = half.detach().float().requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        value = compute(loss, half, LABELS, avg_factor=float(N))
    value.backward()
    expected = compute(loss, single, LABELS, avg_factor=float(N))
    expected.backward()
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(half.grad, single.grad.to(dtype))


def test_ignored_rows(case):
    """A label below 0 leaves its row out."""
    loss, num_outputs = make(case)
    logits = logits_of(num_outputs)
    labels = LABELS.clone()
    labels[[1, 2]] = torch.tensor([-1, -100])
    kept = labels >= 0
    value = compute(loss, logits, labels, avg_factor=5.0)
    value.backward()
    assert not logits.grad[~kept].any()
    if case in ('drop', 'gumbel'):  # the draws differ
        return
    torch.testing.assert_close(value, compute(loss, logits[kept], labels[kept], avg_factor=5.0))


def make_differentiable(case):
    """A loss without the factor of seesaw that follows the scores, through which no gradient goes."""
    loss, num_outputs = make(case)
    if hasattr(loss, 'q'):
        loss.q = 0.0
    return loss, num_outputs


@pytest.mark.parametrize('case', IN_DOUBLE)
def test_gradients(case):
    loss, num_outputs = make_differentiable(case)
    assert torch.autograd.gradcheck(lambda logits: compute(loss, logits, LABELS, avg_factor=3.0), logits_of(num_outputs))


@pytest.mark.parametrize('case', IN_DOUBLE)
def test_gradients_of_elements(case):
    loss, num_outputs = make_differentiable(case)
    assert torch.autograd.gradcheck(
        lambda logits: compute(loss, logits, LABELS, reduction_override='none').sin(), logits_of(num_outputs))


@pytest.mark.parametrize('case', [name for name in DENSE if name in IN_DOUBLE])
def test_qualities(case):
    """Labels with qualities, and scores of each class, are the same to a loss."""
    quality = torch.tensor([0.3, 0, 0.9, 1.0, 0, 0.6, 0, 0], dtype=torch.float64)
    scores = torch.zeros(N, 4, dtype=torch.float64)
    scores[torch.arange(N), LABELS] = quality
    values = []
    for target in ((LABELS, quality), scores[:, :3]):
        loss, num_outputs = make(case)
        if 'loss' in CASES[case]:
            loss.loss = MODELS.build(dict(type='QualityFocalLoss', use_sigmoid=True))
        if hasattr(loss, 'q'):
            loss.q = 0.0
        logits = logits_of(num_outputs)
        values.append(compute(loss, logits, target, avg_factor=float(N)))
        assert torch.autograd.gradcheck(lambda logits, loss=loss, target=target: compute(loss, logits, target, avg_factor=1.0),
                                        logits)
    torch.testing.assert_close(*values)


def test_other_numbers_of_classes(case):
    loss, num_outputs = make(case)
    with pytest.raises(ValueError, match=r'the head has \d+ classes, the training set 3'):
        loss(logits_of(num_outputs + 3), LABELS)


def test_without_counts(case):
    loss = MODELS.build(CASES[case])
    if case in BOX and hasattr(loss, 'get_cls_channels'):
        loss.get_cls_channels(3)
    with pytest.raises(RuntimeError, match='has no class counts'):
        loss(logits_of(make(case)[1]), LABELS)


def test_copies(case):
    """A moving average has a copy of its own."""
    loss, num_outputs = make(case)
    twin = copy.deepcopy(loss)
    torch.testing.assert_close(compute(loss, logits_of(num_outputs), LABELS), compute(twin, logits_of(num_outputs), LABELS))
    assert not list(loss.state_dict())


WITH_STATISTICS = [name for name in CASES if isinstance(make(name)[0], RunningStatistics)]


@pytest.mark.parametrize('case', WITH_STATISTICS)
def test_statistics_advance_once_a_step(case):
    """Calls of one step see the same statistics, and what they noted is added up."""
    loss, num_outputs = make(case)
    before = loss.statistics.clone()
    values = [compute(loss, logits_of(num_outputs), LABELS, avg_factor=1.0) for _ in range(3)]
    assert values[0] == values[1] == values[2]
    assert torch.equal(loss.statistics, before)
    noted = loss.noted
    assert noted.sum() > 0
    loss.advance(noted)
    torch.testing.assert_close(loss.statistics, before + noted)
    assert not loss.noted.any()
    assert compute(loss, logits_of(num_outputs), LABELS, avg_factor=1.0) != values[0]


@pytest.mark.parametrize('case', WITH_STATISTICS)
def test_statistics_of_training_alone(case):
    loss, num_outputs = make(case)
    with torch.no_grad():
        loss(logits_of(num_outputs), LABELS)
    loss.eval()
    loss(logits_of(num_outputs), LABELS)
    assert not loss.noted.any()


@pytest.mark.parametrize('case', WITH_STATISTICS)
def test_statistics_of_levels_are_those_of_all_rows(case):
    """Whether a head calls its loss once for each level or once for all."""
    noted = []
    for parts in ([slice(None)], [slice(3, 8), slice(0, 3)]):
        loss, num_outputs = make(case)
        for rows in parts:
            compute(loss, logits_of(num_outputs)[rows], LABELS[rows], avg_factor=4.0)
        noted.append(loss.noted)
    torch.testing.assert_close(*noted)


@pytest.mark.parametrize('case', WITH_STATISTICS)
def test_statistics_of_ignored_rows(case):
    """Rows with a label below 0 are not noted, and neither are rows without weight."""
    labels, weight = LABELS.clone(), torch.ones(N)
    labels[[0, 4]] = -1
    weight[[0, 4]] = 0
    kept = labels >= 0
    noted = []
    every = slice(None)
    for rows, row_labels, row_weight in ((every, labels, None), (every, LABELS, weight), (kept, LABELS[kept], None)):
        loss, num_outputs = make(case)
        compute(loss, logits_of(num_outputs)[rows], row_labels, row_weight, avg_factor=4.0)
        noted.append(loss.noted)
    torch.testing.assert_close(noted[0], noted[2])
    torch.testing.assert_close(noted[1], noted[2])


@pytest.mark.parametrize('case', [name for name in WITH_STATISTICS if 'seesaw' not in name])
def test_rows_are_computed_in_parts(case, monkeypatch):
    """Many rows, of which the memory holds some at a time: nothing depends on how many."""
    found = []
    for size in (sigmoid_terms.CHUNK, 7):  # two rows of three, one of four
        monkeypatch.setattr(sigmoid_terms, 'CHUNK', size)
        loss, num_outputs = make(case)
        logits = logits_of(num_outputs)
        value = compute(loss, logits, LABELS, avg_factor=4.0)
        value.backward()
        found.append((value, logits.grad, loss.noted))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
