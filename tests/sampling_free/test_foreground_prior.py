import numpy as np
import pytest
import torch

from imbdet.sampling_free import count_foreground, foreground_prior, optimal_bias, optimal_softmax_bias
from imbdet.sampling_free.foreground_prior import class_priors


def test_worked_values():
    assert foreground_prior(1, 1000, 80) == pytest.approx(1.25e-5)  # COCO RetinaNet: about one anchor in 1000
    assert optimal_bias(0.5) == 0
    assert optimal_bias(0.01) == pytest.approx(-4.59512, abs=1e-5)  # the bias that focal loss starts from
    assert optimal_bias(1.1135e-5) == pytest.approx(-11.4054, abs=1e-4)
    assert torch.tensor(optimal_bias(3e-3)).sigmoid().item() == pytest.approx(3e-3)
    assert optimal_softmax_bias(1 / 3, 2) == pytest.approx(0)  # two classes and the background, alike
    scores = torch.tensor([optimal_softmax_bias(2e-3, 4)] * 4 + [0.]).softmax(0)
    assert scores.tolist() == pytest.approx([2e-3] * 4 + [1 - 8e-3])


@pytest.mark.parametrize(('num_foreground', 'num_anchors', 'num_classes'), [(3, 100, 1), (7, 5000, 20), (1, 10, 3)])
def test_no_other_bias_has_less_cross_entropy(num_foreground, num_anchors, num_classes):
    """Scan biases with torch's losses over the anchors one by one."""
    labels = torch.arange(num_anchors) % num_classes
    labels[num_foreground:] = num_classes
    one_hot = torch.nn.functional.one_hot(labels, num_classes + 1).double()
    prior = foreground_prior(num_foreground, num_anchors, num_classes)

    def sigmoid_loss(bias):
        logits = torch.full((num_anchors, num_classes), bias, dtype=torch.float64)
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, one_hot[:, :-1], reduction='sum').item()

    def softmax_loss(bias):
        logits = torch.tensor([bias] * num_classes + [0.], dtype=torch.float64).expand(num_anchors, -1)
        return torch.nn.functional.cross_entropy(logits, labels, reduction='sum').item()

    for loss, best in ((sigmoid_loss, optimal_bias(prior)), (softmax_loss, optimal_softmax_bias(prior, num_classes))):
        others = [loss(best + step) for step in (-3, -1, -0.1, -0.01, 0.01, 0.1, 1, 3)]
        assert loss(best) < min(others)


@pytest.mark.parametrize('arguments', [(0, 100, 3), (100, 100, 3), (5, 4, 1), (1, 10, 0), (0, 0, 1)])
def test_a_prior_needs_foreground_and_background(arguments):
    with pytest.raises(ValueError, match='needs foreground and background'):
        foreground_prior(*arguments)


@pytest.mark.parametrize('prior', [0, 1, -0.1, 2, float('nan')])
def test_priors_out_of_range(prior):
    with pytest.raises(ValueError, match=r'in \(0, 1\)'):
        optimal_bias(prior)
    with pytest.raises(ValueError, match=r'one of 4 softmax classes must be in \(0, 0\.25\)'):
        optimal_softmax_bias(prior, 4)


def loop(labels, weights, num_classes):
    """Count anchor by anchor."""
    counted = [(label, weight) for label, weight in zip(labels, weights, strict=True) if label >= 0 and weight > 0]
    return sum(label < num_classes for label, _ in counted), len(counted)


@pytest.mark.parametrize('kind', ['labels', 'labels without weights', 'quality', 'scores', 'objectness', 'objectness of maps'])
def test_counting_equals_a_loop(kind):
    rng = np.random.default_rng(1)
    labels, weights = rng.integers(-1, 5, 60), rng.choice([0., 1., 0.25], 60)  # four classes, background 4, ignored -1
    targets, weight = torch.from_numpy(labels), torch.from_numpy(weights)
    objectness = kind.startswith('objectness')
    if kind == 'labels without weights':
        weights, weight = np.ones(60), None
    elif kind == 'quality':
        targets = (targets, torch.rand(60))
    elif kind != 'labels':
        labels = np.where(labels < 0, 4, labels)  # target scores have no way to say ignored
        targets = torch.nn.functional.one_hot(torch.from_numpy(labels), 5)[:, :4].float() * 0.3
        if kind == 'scores':
            weight = weight[:, None].expand(-1, 4)
        else:
            shape = (60, 1) if kind == 'objectness' else (4, 15)
            targets, weight = targets.sum(1).reshape(shape), weight.reshape(shape)
    counts = count_foreground(targets, weight, 4, objectness)
    assert tuple(count.item() for count in counts) == loop(labels, weights, 4)


def test_counting_nothing():
    counts = count_foreground(torch.zeros(0, dtype=torch.int64), None, 3)
    assert [count.item() for count in counts] == [0, 0]


def test_priors_by_class():
    """C pi N_j / sum N; the class without boxes gets the least of the others."""
    assert class_priors(0.01, np.array([60, 30, 0, 10])).tolist() == pytest.approx([0.024, 0.012, 0.004, 0.004])
    assert class_priors(0.01, np.array([5, 5])).tolist() == pytest.approx([0.01, 0.01])
    with pytest.raises(ValueError, match='no class has any'):
        class_priors(0.01, np.zeros(3))
