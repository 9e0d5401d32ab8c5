"""Partners drawn by weights, against the closed form, for each of mmdet's rules of drawing."""

import numpy as np
import pytest
from mmdet.datasets.transforms import CopyPaste, MixUp, Mosaic

from imbdet.data.partner_draw import WeightedView, draw_partners

WEIGHTS = np.array([1.0, 1.3, 5.0, 1.0, 2.7, 1.0, 1.0])
DRAWS = 4000
# The chi-square statistic of 6 degrees of freedom is above this once in 10^5 tests.
CRITICAL = 33.1


def chi_square(drawn, probabilities):
    expected = probabilities * len(drawn)
    return ((np.bincount(drawn, minlength=len(probabilities)) - expected)**2 / expected).sum()


@pytest.fixture(autouse=True)
def seed():
    np.random.seed(0)


@pytest.mark.parametrize(('transform', 'number'), [(Mosaic(), 3), (MixUp(), 1), (CopyPaste(), 1)],
                         ids=['Mosaic', 'MixUp', 'CopyPaste'])
def test_each_partner_follows_the_weights(transform, number):
    dataset = [dict(gt_bboxes=[0])] * len(WEIGHTS)
    cumulative = np.cumsum(WEIGHTS) / WEIGHTS.sum()
    drawn = np.array([draw_partners(transform, dataset, cumulative) for _ in range(DRAWS)])
    assert drawn.shape == (DRAWS, number)
    for partner in drawn.T:
        assert chi_square(partner, WEIGHTS / WEIGHTS.sum()) < CRITICAL
        assert chi_square(partner, np.full(len(WEIGHTS), 1 / len(WEIGHTS))) > CRITICAL  # which is what mmdet draws


def test_a_weight_of_0_is_never_drawn():
    weights = np.array([0.0, 0.0, 3.0, 0.0, 1.0, 0.0, 0.0])
    drawn = np.array([draw_partners(Mosaic(), [None] * 7, np.cumsum(weights) / 4) for _ in range(DRAWS)]).ravel()
    assert set(drawn) == {2, 4}
    assert chi_square(drawn == 4, np.array([3, 1]) / 4) < 19.6  # 1 degree of freedom, once in 10^5


def test_a_position_that_rounds_up_to_1_is_of_the_last_image_with_a_weight():
    assert WeightedView([None] * 3, np.array([0.5, 1.0, 1.0])).image(3) == 1  # where 2 + U rounds up to 3
    assert WeightedView([None] * 3, np.array([0.5, 0.75, 1.0])).image(3) == 2


def test_partners_of_one_image_are_independent():
    """Also where Mosaic draws the same index twice."""
    weights = np.array([3.0, 1.0])
    drawn = np.array([draw_partners(Mosaic(), [None] * 2, np.cumsum(weights) / 4) for _ in range(DRAWS)])
    numbers = np.bincount((drawn == 0).sum(1), minlength=4)
    expected = DRAWS * np.array([1, 9, 27, 27]) / 64  # of the binomial distribution of 3 draws with p = 3/4
    assert ((numbers - expected)**2 / expected).sum() < 25.9  # 3 degrees of freedom, once in 10^5


@pytest.mark.parametrize('max_iters', [1, 2, 15])
def test_mixup_draws_again_where_there_are_no_boxes(max_iters):
    """With probability p of an image without boxes, all of m tries find one with p^m, else one of the others."""
    dataset = [dict(gt_bboxes=[0]) for _ in WEIGHTS]
    dataset[2] = dict(gt_bboxes=[])
    probabilities = WEIGHTS / WEIGHTS.sum()
    expected = probabilities * (1 - probabilities[2]**max_iters) / (1 - probabilities[2])
    expected[2] = probabilities[2]**max_iters
    transform = MixUp(max_iters=max_iters)
    drawn = np.array([draw_partners(transform, dataset, np.cumsum(probabilities))[0] for _ in range(DRAWS)])
    assert chi_square(drawn, expected) < CRITICAL


def test_each_try_of_mixup_is_a_new_draw():
    """Also at the same index: with p = 3/4 of an image without boxes, two tries both find it in 9 of 16 times."""
    dataset = [dict(gt_bboxes=[]), dict(gt_bboxes=[0])]
    drawn = [draw_partners(MixUp(max_iters=2), dataset, np.array([0.75, 1.0]))[0] for _ in range(DRAWS)]
    assert abs(drawn.count(0) / DRAWS - 9 / 16) < 5 * np.sqrt(9 * 7 / 256 / DRAWS)


def test_the_image_that_was_seen_is_the_one_returned():
    seen = []

    class Images:
        def __getitem__(self, index):
            seen.append(index)
            return dict(gt_bboxes=[0])

    for _ in range(100):
        assert draw_partners(MixUp(), Images(), np.cumsum(WEIGHTS) / WEIGHTS.sum()) == seen[-1:]


def test_other_generators_are_not_touched():
    """Only numpy's global one, which mmengine seeds in each worker."""
    first = draw_partners(Mosaic(), [None] * 7, np.cumsum(WEIGHTS) / WEIGHTS.sum())
    np.random.seed(0)
    assert draw_partners(Mosaic(), [None] * 7, np.cumsum(WEIGHTS) / WEIGHTS.sum()) == first
