"""Probabilities of halves, fitted again here, and their ranking judged with loops."""

import numpy as np
import pytest

from imbdet.evaluation.matching import NONE
from imbdet.evaluation.score_probabilities import fit_probabilities
from imbdet.reports.calibration.halves import halves
from imbdet.reports.calibration.probability_choice import choose_probabilities, pooled_ap

from .test_threshold_choice import random_matches


def area(scores, correct, num_objects):
    """Precision at each correct detection, which is a step of the recall, one by one."""
    total = right = 0
    for seen, row in enumerate(sorted(range(len(scores)), key=lambda row: -scores[row]), 1):
        right += bool(correct[row])
        total += right / seen if correct[row] else 0
    return total / num_objects


def test_no_half_is_judged_with_its_own_fit():
    matches = random_matches(1)
    correct = matches.objects != NONE
    choice = choose_probabilities(matches, 3, seed=5)
    images = np.unique(np.append(matches.images, matches.object_images))
    first = set(images[np.random.default_rng(5).permutation(len(images))[:len(images) // 2]].tolist())
    in_first = np.array([image in first for image in matches.images.tolist()])
    aps = []
    for inside in (in_first, ~in_first):
        fitted = fit_probabilities(matches.scores[~inside], matches.classes[~inside], correct[~inside], 3)
        own = fitted.apply(matches.scores[inside], matches.classes[inside])
        assert np.array_equal(choice.probabilities[inside], own)
        number = sum((image in first) == bool(inside is in_first) for image in matches.object_images.tolist())
        aps.append([area(values, correct[inside], number) for values in (matches.scores[inside], own)])
    assert choice.pooled_ap == pytest.approx(np.mean(aps, 0))
    on_all = fit_probabilities(matches.scores, matches.classes, correct, 3)
    assert (choice.fitted.slope, choice.fitted.shifts.tolist()) == (on_all.slope, on_all.shifts.tolist())


def test_a_class_with_too_low_scores_gains_its_places():
    """All of class 1 is right, with scores below those of class 0, of which the highest third is, and nothing of class 2."""
    matches = random_matches(0)
    correct = np.where(matches.classes == 1, True, matches.scores > 2 / 3) & (matches.classes != 2)
    scores = np.where(matches.classes == 1, matches.scores / 2, 0.5 + matches.scores / 2)
    objects = np.where(correct, np.cumsum(correct) - 1, NONE)
    matches = matches._replace(scores=scores, objects=objects, object_images=matches.images[correct],
                               object_classes=matches.classes[correct])
    before, after = choose_probabilities(matches, 3).pooled_ap
    assert after > before + 0.1


def test_no_correct_detection_has_no_precision():
    assert pooled_ap(np.array([0.5]), np.array([False]), 3) == 0


def test_halves_differ_by_seed():
    matches = random_matches(2)
    assert halves(matches, 0).is_first.tolist() != halves(matches, 1).is_first.tolist()
    assert abs(int(halves(matches, 0).is_first.sum()) - len(halves(matches, 0).images) / 2) <= 0.5
