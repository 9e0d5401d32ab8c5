"""The numbers of a sampler's draws, by hand."""

import numpy as np
import pytest


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('benchmarks/sampler_draws.py')


def test_a_row_by_hand(tool):
    """Four images: the first has two boxes of the rare class, the second one and one of the frequent class, the third three."""
    boxes = tool.Boxes(np.array([[2, 0], [1, 1], [0, 3], [0, 0]]), np.array(['r', 'f']))
    assert tool.row('a', np.array([0, 0, 0, 1, 2]), boxes) == ('a', '5', '1', '3 times', '80%', '64%', '36%')  # 7 and 4 of 11


def test_epoch_after_epoch(tool):
    class Sampler:
        def set_epoch(self, epoch):
            self.epoch = epoch

        def __iter__(self):
            return iter([self.epoch] * 3)

    assert tool.draws(Sampler(), 7).tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert tool.draws([5, 6], 3).tolist() == [5, 6, 5]
