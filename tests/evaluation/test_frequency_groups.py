"""Frequency groups at their edges."""

import pytest

from imbdet.evaluation import frequency_groups


def test_edges():
    assert frequency_groups([0, 1, 10, 11, 100, 101]).tolist() == ['r', 'r', 'r', 'c', 'c', 'f']
    assert frequency_groups([3, 4, 6, 7], rare_max=3, common_max=6).tolist() == ['r', 'c', 'c', 'f']


def test_bad_edges():
    with pytest.raises(ValueError, match='rare_max <= common_max'):
        frequency_groups([1], rare_max=5, common_max=4)
