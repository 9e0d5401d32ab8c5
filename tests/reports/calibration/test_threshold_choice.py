"""Thresholds of halves, judged with loops over images and classes."""

import numpy as np
import pytest

from imbdet.evaluation.matching import NONE, Matches
from imbdet.evaluation.score_thresholds import class_thresholds, f1_threshold
from imbdet.reports.calibration.threshold_choice import choose_thresholds

GROUPS = np.array(['f', 'f', 'r'])


def random_matches(seed, num_images=40):
    rng = np.random.default_rng(seed)
    number = 400
    images = np.sort(rng.integers(1, num_images + 1, number))
    classes = rng.integers(0, 3, number)
    scores = rng.random(number)
    correct = rng.random(number) < scores * [0.9, 0.6, 0.8][seed % 3]
    object_images = np.append(images[correct], rng.integers(1, num_images + 1, 50))
    object_classes = np.append(classes[correct], rng.integers(0, 3, 50))
    objects = np.where(correct, np.cumsum(correct) - 1, NONE)
    nothing = np.zeros(number)
    return Matches(scores, classes, objects, nothing, objects, nothing, objects, object_classes, images, object_images)


@pytest.fixture(params=range(3))
def matches(request):
    return random_matches(request.param)


def test_no_half_is_judged_with_its_own_thresholds(matches):
    """Recompute the division, and count each image's detections one by one."""
    choice = choose_thresholds(matches, GROUPS, f1_threshold, seed=5)
    images = np.unique(np.append(matches.images, matches.object_images))
    assert choice.images.tolist() == images.tolist()
    first = set(images[np.random.default_rng(5).permutation(len(images))[:len(images) // 2]].tolist())
    correct = matches.objects != NONE

    def chosen_on(half):
        inside = np.array([image in half for image in matches.images.tolist()])
        objects = np.array([image in half for image in matches.object_images.tolist()])
        number = np.bincount(matches.object_classes[objects], minlength=3)
        own = class_thresholds(matches.scores[inside], correct[inside], matches.classes[inside], number, GROUPS, f1_threshold)
        return own, f1_threshold(matches.scores[inside], correct[inside], int(number.sum()))

    on_first, on_second = chosen_on(first), chosen_on(set(images.tolist()) - first)
    kept, right = np.zeros((2, len(images), 3)), np.zeros((2, len(images), 3))
    for image, label, score, is_correct in zip(matches.images.tolist(), matches.classes.tolist(), matches.scores.tolist(),
                                               correct.tolist(), strict=True):
        thresholds = on_second if image in first else on_first
        for kind, limit in enumerate((thresholds[0][label], thresholds[1])):
            kept[kind, images.tolist().index(image), label] += score > limit
            right[kind, images.tolist().index(image), label] += score > limit and is_correct
    for kind, outcome in enumerate((choice.of_classes, choice.of_single)):
        assert np.array_equal(outcome.kept.toarray(), kept[kind])
        assert np.array_equal(outcome.correct.toarray(), right[kind])
        objects = np.bincount(matches.object_classes, minlength=3)
        assert np.allclose(outcome.f1(), 2 * right[kind].sum(0) / (kept[kind].sum(0) + objects))
        assert np.allclose(outcome.recall(), right[kind].sum(0) / objects)
        assert np.allclose(outcome.precision(), right[kind].sum(0) / kept[kind].sum(0))
    everything = chosen_on(set(images.tolist()))
    assert np.array_equal(choice.thresholds, everything[0])
    assert choice.single == everything[1]


def test_the_interval_is_that_of_a_bootstrap_by_loops(matches):
    """1,000 samples drawn one by one, of other random numbers: the ends agree within their own chance."""
    choice = choose_thresholds(matches, GROUPS, f1_threshold)
    members = GROUPS == 'f'
    difference, low, high = choice.differences({'f': members})['f']
    of_images = [[part.toarray()[:, members] for part in outcome] for outcome in (choice.of_classes, choice.of_single)]

    def mean_f1(parts, drawn):
        kept, right, objects = (part[drawn].sum(0) for part in parts)
        return (2 * right / (kept + objects)).mean()

    rng = np.random.default_rng(1)
    samples = []
    for _ in range(1000):
        drawn = rng.integers(0, len(choice.images), len(choice.images))
        samples.append(mean_f1(of_images[0], drawn) - mean_f1(of_images[1], drawn))
    everything = np.arange(len(choice.images))
    assert difference == pytest.approx(mean_f1(of_images[0], everything) - mean_f1(of_images[1], everything))
    assert [low, high] == pytest.approx(np.percentile(samples, [2.5, 97.5]), abs=0.15 * (high - low))


def test_seeds_divide_differently(matches):
    first, same, other = (choose_thresholds(matches, GROUPS, f1_threshold, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.of_classes.kept.toarray(), same.of_classes.kept.toarray())
    assert not np.array_equal(first.of_classes.kept.toarray(), other.of_classes.kept.toarray())
    assert np.array_equal(first.thresholds, other.thresholds)


def test_a_class_without_objects_is_left_out(matches):
    kept = matches.object_classes != 2
    without = matches._replace(objects=np.where(matches.classes == 2, NONE, matches.objects),
                               object_classes=matches.object_classes[kept], object_images=matches.object_images[kept])
    choice = choose_thresholds(without, GROUPS, f1_threshold)
    assert np.isnan(choice.of_classes.f1()[2])
    assert np.isnan(choice.differences({'r': GROUPS == 'r'})['r']).all()
    assert choice.thresholds[2] == 1.0


def test_one_image_is_too_few():
    with pytest.raises(ValueError, match='needs two images with detections or objects, got 1'):
        choose_thresholds(random_matches(0, num_images=1), GROUPS, f1_threshold)
