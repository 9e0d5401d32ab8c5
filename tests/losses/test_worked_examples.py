"""Worked examples: one row of foreground, one of background, numbers computed by hand from the equations."""

from math import exp, log

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS

from imbdet.classes import ClassCounts
from imbdet.losses.tail_mask_terms import tail_classes

COUNTS = ClassCounts(np.array([80, 20]), np.array([300, 20]), 100)
LOGITS = [[1.0, -2.0], [0.5, -1.0]]
LABELS = torch.tensor([1, 2])  # class 1, background


def sigmoid(value):
    return 1 / (1 + exp(-value))


def positive(value):
    """Cross entropy of a positive."""
    return log(1 + exp(-value))


def negative(value):
    return log(1 + exp(value))


def elements(logits=LOGITS, statistics=None, **config):
    loss = MODELS.build(config)
    loss.set_class_counts(COUNTS)
    if len(logits[0]) > 2:
        loss.get_cls_channels(2)
    if statistics is not None:
        loss.load_statistics(torch.tensor(statistics))
    torch.manual_seed(0)
    return loss(torch.tensor(logits, dtype=torch.float64), LABELS, reduction_override='none')


def assert_elements(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_inverse_frequency():
    """Weights n^-1/2 times 320 / (sqrt(300) + sqrt(20)): 0.8478 and 3.2834; background keeps 1."""
    found = elements(type='ClassWeighted', use_sigmoid=True, loss=dict(type='CrossEntropyLoss', use_sigmoid=True))
    scale = 320 / (300 ** 0.5 + 20 ** 0.5)
    assert scale * 20 ** -0.5 == pytest.approx(3.2834, abs=1e-4)
    rare = scale * 20 ** -0.5
    assert_elements(found, [[rare * negative(1), rare * positive(-2)], [negative(0.5), negative(-1)]])


def test_balanced():
    """With power 1, 320 / (2 * 20) = 8 for class 1: scikit-learn's 'balanced'."""
    found = elements(type='ClassWeighted', use_sigmoid=True, power=1.0, loss=dict(type='CrossEntropyLoss', use_sigmoid=True))
    assert_elements(found[0], [8 * negative(1), 8 * positive(-2)])


def test_effective_class_margin():
    """320 boxes and twice as much background, 960 in all: a = 2.2 and 47, of the background 0.5."""
    found = elements([[1.0, -2.0, 0.3], [0.5, -1.0, 1.5]], [1, 2], type='EffectiveClassMarginLoss')
    ratios = (660 / 300, 940 / 20, 320 / 640)
    weights = [ratio * log((1 + ratio) / ratio) for ratio in ratios]
    margins = [-log(ratio) / 4 for ratio in ratios]
    plain = [[negative(2 + margins[0]), positive(-4 + margins[1]), negative(0.6 + margins[2])],
             [negative(1 + margins[0]), negative(-2 + margins[1]), positive(3 + margins[2])]]
    assert_elements(found, np.multiply(plain, weights).sum(axis=1))


def test_effective_class_margin_of_the_first_step():
    """The share of background is that of the call's own rows: one of foreground, one of background."""
    logits = [[1.0, -2.0, 0.3], [0.5, -1.0, 1.5]]
    found = elements(logits, type='EffectiveClassMarginLoss')
    assert_elements(found, elements(logits, [5, 5], type='EffectiveClassMarginLoss'))


def test_balanced_softmax():
    """Shifts of ln(2 * 300 / 320) and ln(2 * 20 / 320), none of the background."""
    found = elements([[1.0, -2.0, 0.3], [0.5, -1.0, 1.5]], type='BalancedSoftmaxLoss')
    exponentials = [[exp(1) * 1.875, exp(-2) * 0.125, exp(0.3)], [exp(0.5) * 1.875, exp(-1) * 0.125, exp(1.5)]]
    assert_elements(found, [-log(exponentials[0][1] / sum(exponentials[0])), -log(exponentials[1][2] / sum(exponentials[1]))])


def test_balanced_sigmoids():
    """The classes are in 80 and 20 of 100 images: ln 4 and -ln 4, in the row of foreground alone."""
    found = elements(type='BalancedSoftmaxLoss', use_sigmoid=True)
    assert_elements(found, [[negative(1 + log(4)), positive(-2 - log(4))], [negative(0.5), negative(-1)]])


@pytest.mark.parametrize('share', [0.0, 0.05, 0.063, 0.3, 1.0])
def test_tail(share):
    """Classes are added from the rarest on, as long as their boxes do not exceed the share; by a loop."""
    generator = np.random.default_rng(0)
    images = generator.integers(1, 1000, 200)
    boxes = images + generator.integers(0, 500, 200)
    expected, total = [], 0
    for label in sorted(range(200), key=lambda label: images[label]):
        total += boxes[label]
        if total > share * boxes.sum():
            break
        expected.append(label)
    found = tail_classes(torch.from_numpy(images).double(), torch.from_numpy(boxes).double(), share)
    assert found.tolist() == sorted(expected)


def test_equalization():
    """Class 1 is the tail, and the row of foreground is its own; class 0 is pushed down in both rows."""
    found = elements(type='EqualizationLoss', tail_share=0.07)
    assert_elements(found, [[negative(1), positive(-2)], [negative(0.5), negative(-1)]])


def test_equalization_of_other_rows():
    """With class 0 as the tail, too, it is not pushed down by the object of class 1."""
    found = elements(type='EqualizationLoss', tail_share=1.0)
    assert_elements(found, [[0, positive(-2)], [negative(0.5), negative(-1)]])


def test_drop():
    """All foreground is of the tail {1}: its negatives of background are kept; of the tail {} there is nothing to drop."""
    assert_elements(elements(type='EqualizationLoss', tail_share=0.07, drop_background=True),
                    [[negative(1), positive(-2)], [negative(0.5), negative(-1)]])


def test_drop_without_foreground_of_the_tail():
    """No foreground is of the tail: all of its negatives of background are dropped."""
    loss = MODELS.build(dict(type='EqualizationLoss', tail_share=0.07, drop_background=True))
    loss.set_class_counts(COUNTS)
    found = loss(torch.tensor(LOGITS), torch.tensor([0, 2]), reduction_override='none')
    assert_elements(found, [[positive(1), 0], [negative(0.5), 0]])


def test_gumbel():
    """p = exp(-exp(-z))."""
    found = elements(type='GumbelLoss', tail_share=0.0)
    assert_elements(found, [[-log(1 - exp(-exp(-1))), exp(2)], [-log(1 - exp(-exp(-0.5))), -log(1 - exp(-exp(1)))]])


def test_gumbel_below_the_tangent():
    """At -6 the loss of a positive is exp(4) (1 + 2), and its gradient -exp(4)."""
    loss = MODELS.build(dict(type='GumbelLoss', tail_share=0.0))
    loss.set_class_counts(COUNTS)
    logits = torch.tensor([[-6.0, -9.0]], requires_grad=True)
    value = loss(logits, torch.tensor([0]), reduction_override='sum')
    value.backward()
    assert value.item() == pytest.approx(3 * exp(4))
    assert logits.grad.tolist() == [[pytest.approx(-exp(4)), 0.0]]


def test_equalization_v2():
    """Ratios of 0.8 and 0: negatives weigh 0.5 and exp(-9.6) / (1 + exp(-9.6)), positives 3 and almost 5."""
    found = elements(statistics=[[4.0, 0], [5, 3]], type='EqualizationLossV2')
    low = sigmoid(-9.6)
    assert_elements(found, [[0.5 * negative(1), (1 + 4 * (1 - low)) * positive(-2)],
                            [0.5 * negative(0.5), low * negative(-1)]])


def test_equalized_focal():
    """Ratios of 0.5 and 0: focusing factors of 2 + 8 / 2 = 6 and 10, weights of 3 and 5."""
    found = elements(statistics=[[2.0, 0], [4, 3]], type='EqualizedFocalLoss')
    assert_elements(found, [
        [3 * 0.75 * sigmoid(1) ** 6 * negative(1), 5 * 0.25 * sigmoid(2) ** 10 * positive(-2)],
        [3 * 0.75 * sigmoid(0.5) ** 6 * negative(0.5), 5 * 0.75 * sigmoid(-1) ** 10 * negative(-1)]])


def test_equalized_quality_focal_of_a_right_score():
    """With a focus below 1 the derivative of |q - p| is infinite there; the loss is 0 and so is its gradient."""
    loss = MODELS.build(dict(type='EqualizedFocalLoss', gamma=0.5))
    loss.set_class_counts(COUNTS)
    logits = torch.tensor([[0.0, -2.0]], requires_grad=True)
    loss(logits, (torch.tensor([0]), torch.tensor([0.5])), reduction_override='sum').backward()
    assert logits.grad[0, 0] == 0
    assert logits.grad.isfinite().all()


def test_seesaw():
    """9 and 4 rows so far: class 1 pushes class 0 down without mitigation, which scores higher by exp(3): squared, exp(6)."""
    loss = MODELS.build(dict(type='SynchronizedSeesawLoss'))
    loss.set_class_counts(COUNTS)
    loss.load_statistics(torch.tensor([9.0, 4]))
    logits = torch.tensor([[1.0, -2.0, 0.4, 0.1], [0.5, -1.0, 0.2, 0.9]], dtype=torch.float64)
    found = loss(logits, LABELS, reduction_override='none')
    own = exp(-2) / (exp(1) + exp(-2))
    assert own > 0.01  # eps
    assert_elements(found, [positive(0.3) - log(exp(-2) / (exp(-2) + exp(1 + 6))), positive(0.7)])


def test_seesaw_mitigates():
    """A row of class 0 pushes class 1 down by (4 / 9)^0.8; it scores lower, so there is no compensation."""
    loss = MODELS.build(dict(type='SynchronizedSeesawLoss'))
    loss.set_class_counts(COUNTS)
    loss.load_statistics(torch.tensor([9.0, 4]))
    found = loss(torch.tensor([[1.0, -2.0, 0.4, 0.1]], dtype=torch.float64), torch.tensor([0]), reduction_override='none')
    assert_elements(found, [positive(0.3) - log(exp(1) / (exp(1) + (4 / 9) ** 0.8 * exp(-2)))])


def test_scores_of_box_heads():
    """Of C outputs and a rest; of C + 1 outputs the classes times what the background leaves."""
    loss = MODELS.build(dict(type='EqualizationLoss'))
    assert loss.get_cls_channels(2) == 2
    assert_elements(loss.get_activation(torch.tensor([[1.0, -2.0]])), [[sigmoid(1), sigmoid(-2), 1 - sigmoid(1)]])
    loss = MODELS.build(dict(type='EqualizationLossV2'))
    assert loss.get_cls_channels(2) == 3
    rest = 1 - sigmoid(0.3)
    assert_elements(loss.get_activation(torch.tensor([[1.0, -2.0, 0.3]])), [[sigmoid(1) * rest, sigmoid(-2) * rest, 1 - rest]])


@pytest.mark.parametrize('loss', [dict(type='GHMC', use_sigmoid=True), dict(type='EQLV2Loss', use_sigmoid=True, num_classes=2)])
def test_losses_that_ignore_weights(loss):
    with pytest.raises(ValueError, match=f'{loss["type"]} does not multiply by its weights'):
        MODELS.build(dict(type='ClassWeighted', use_sigmoid=True, loss=loss))
