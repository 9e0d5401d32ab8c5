"""Shifts by hand, as the formulas of the papers, and as the public code of their authors."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from imbdet.calibration import (
    fracal_shift,
    fracal_sigmoid,
    fracal_sigmoid_shift,
    fractal_dimension,
    logit_adjustment,
    norcal_shift,
    sigmoid_logit_adjustment,
)

PUBLIC = json.loads((Path(__file__).parent / 'public_code.json').read_text())


def softmax_with(logits, shift):
    """Probabilities of logits whose last one, the background, is left alone."""
    return (torch.tensor(logits) + torch.tensor([*shift, 0.0])).softmax(-1).numpy()


def test_norcal_by_hand():
    """Counts of 4 and 1 at tau 1/2: the exponentials are divided by 2 and 1."""
    probabilities = softmax_with([np.log(2.0), 0.0, 0.0], norcal_shift([4, 1], tau=0.5))
    assert np.allclose(probabilities, [1 / 3, 1 / 3, 1 / 3])


def test_norcal_is_its_formula():
    rng = np.random.default_rng(0)
    logits, counts = rng.normal(0, 3, (20, 6)), rng.integers(1, 1000, 5)
    exponentials = np.exp(logits)
    exponentials[:, :-1] /= counts**0.6
    assert np.allclose(softmax_with(logits, norcal_shift(counts)), exponentials / exponentials.sum(1, keepdims=True))


def test_logit_adjustment_is_its_formula():
    """Softmax of the logits less the logarithms of the priors; Menon et al., equation 9."""
    assert np.allclose(logit_adjustment([10, 1, 100], 100), [np.log(10), np.log(100), 0])
    assert np.allclose(logit_adjustment([10, 1], 100, tau=0.5), [np.log(10) / 2, np.log(100) / 2])
    shift = sigmoid_logit_adjustment([20, 50], 100)
    assert np.allclose(torch.sigmoid(torch.tensor([0.0, 0.0]) + torch.from_numpy(shift)), [0.8, 0.5])


def test_fracal_is_adjust_softmax_divide_normalize():
    rng = np.random.default_rng(1)
    logits, counts, phi = rng.normal(0, 3, (20, 6)), rng.integers(1, 1000, 5), rng.uniform(1, 2, 5)
    adjusted = np.exp(logits + np.array([*(-np.log10(counts / 1500) - np.log10(5)), 0]))
    divided = adjusted / adjusted.sum(1, keepdims=True) / np.array([*phi, 1])**2
    assert np.allclose(softmax_with(logits, fracal_shift(counts, 1500, phi)), divided / divided.sum(1, keepdims=True))


def test_fracal_leaves_a_class_of_the_mean_frequency():
    assert np.allclose(fracal_shift([25, 1, 1, 1], 100, [1, 1, 1, 1])[0], 0)


@pytest.mark.parametrize('base', [2, 10])
def test_fracal_gives_what_the_public_code_gives(base):
    shift = fracal_shift(PUBLIC['counts'], PUBLIC['num_images'], PUBLIC['dimensions'], base)
    theirs = PUBLIC['outputs'][f'fracal_softmax_base{base}']
    assert np.allclose(softmax_with(PUBLIC['softmax_logits'], shift), theirs, rtol=1e-4)


@pytest.mark.parametrize('base', [2, 10])
def test_sigmoid_fracal_gives_what_the_public_code_gives(base):
    shift = fracal_sigmoid_shift(PUBLIC['counts'], PUBLIC['num_images'], PUBLIC['dimensions'], base)
    logits = fracal_sigmoid(torch.tensor(PUBLIC['sigmoid_logits']), torch.from_numpy(shift))
    assert np.allclose(logits.sigmoid(), PUBLIC['outputs'][f'fracal_sigmoid_base{base}'], rtol=1e-4)


def test_norcal_gives_what_the_public_code_gives():
    probabilities = softmax_with(PUBLIC['softmax_logits'], norcal_shift(PUBLIC['counts'], 0.6))
    assert np.allclose(probabilities, PUBLIC['outputs']['norcal_0.6'], rtol=1e-4)


def test_dimensions_are_those_of_the_public_code():
    ends = np.cumsum(PUBLIC['boxes_of_each_class'])
    centers = np.split(np.array(PUBLIC['centers']), ends[:-1])
    assert np.allclose([fractal_dimension(each) for each in centers], PUBLIC['dimensions'], rtol=1e-6)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_sigmoid_fracal_stays_finite(dtype):
    logits = torch.tensor([-1e4, -50, -1, 0, 1, 50, 1e4], dtype=dtype)
    shifted = fracal_sigmoid(logits, torch.tensor(3.0))
    assert shifted.dtype == dtype
    assert torch.isfinite(shifted).all()
    assert (shifted <= logits).all()
    assert (shifted.diff() >= 0).all()
    expected = (logits.double().sigmoid() * (logits.double() + 3).sigmoid())[1:5]
    assert torch.allclose(shifted[1:5].double().sigmoid(), expected, rtol=torch.finfo(dtype).eps * 60, atol=0)


def test_classes_without_images_count_as_one():
    for shift in (norcal_shift, lambda counts: logit_adjustment(counts, 50),
                  lambda counts: sigmoid_logit_adjustment(counts, 50), lambda counts: fracal_shift(counts, 50, [1, 1, 1]),
                  lambda counts: fracal_sigmoid_shift(counts, 50, [1, 1, 1])):
        assert np.isfinite(shift([0, 1, 50])).all()
        assert np.array_equal(shift([0, 1, 50]), shift([1, 1, 50]))


def test_strength_zero_changes_nothing():
    assert not norcal_shift([1, 100], 0).any()
    assert not logit_adjustment([1, 100], 200, 0).any()
    assert not sigmoid_logit_adjustment([1, 100], 200, 0).any()
    assert np.array_equal(fracal_shift([1, 100], 200, [1.5, 2], lam=0), fracal_shift([1, 100], 200, [1, 1]))


@pytest.mark.parametrize(('call', 'message'), [
    (lambda: norcal_shift([]), r'one dimension.*\(0,\)'),
    (lambda: norcal_shift([[1, 2]]), r'one dimension.*\(1, 2\)'),
    (lambda: norcal_shift([3, -1]), 'at least 0, got -1.0 for class 1'),
    (lambda: norcal_shift([np.nan, 1]), 'finite and at least 0, got nan for class 0'),
    (lambda: norcal_shift([1], -0.1), 'tau must be at least 0 and finite, got -0.1'),
    (lambda: norcal_shift([1], np.nan), 'tau must be .*, got nan'),
    (lambda: logit_adjustment([1], 0), 'total must be above 0 and finite, got 0'),
    (lambda: sigmoid_logit_adjustment([5], 4), 'no less than a count, got 4 and counts to 5.0'),
    (lambda: sigmoid_logit_adjustment([1], 1), 'total must be at least 2'),
    (lambda: fracal_shift([1, 2], 4, [1.0]), r'one for each of 2 classes, got shape \(1,\)'),
    (lambda: fracal_shift([1, 2], 4, [1.0, 0.0]), 'dimensions must be above 0'),
    (lambda: fracal_shift([1, 2], 4, [1.0, np.inf]), 'dimensions must be above 0 and finite'),
    (lambda: fracal_shift([1], 4, [1], base=1), 'base must be above 1 and finite, got 1'),
    (lambda: fracal_shift([1], 4, [1], lam=-1), 'lam must be at least 0 and finite, got -1'),
    (lambda: fracal_sigmoid_shift([1], 0, [1]), 'total must be above 0 and finite, got 0')
])
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
