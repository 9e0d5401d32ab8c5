"""LogN's statistics against numpy on all rows, in parts and on two ranks; its normalization as its public code's."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from imbdet.calibration import LogitStatistics, logn

from ..two_ranks import join_ranks, run_two_ranks

PUBLIC = json.loads((Path(__file__).parent / 'public_code.json').read_text())
ROWS = torch.from_numpy(np.random.default_rng(0).normal(1e4, [1, 2, 3, 4], (60, 4)))


def assert_equal_to_numpy(statistics, rows):
    assert int(statistics.rows) == len(rows)
    assert np.allclose(statistics.mean, rows.numpy().mean(0), rtol=1e-12)
    assert np.allclose(statistics.variance, rows.numpy().var(0), rtol=1e-9)


def test_parts_join_to_the_whole():
    parts = [LogitStatistics.of(part) for part in ROWS.split([1, 29, 0, 30])]
    assert_equal_to_numpy(sum(parts[1:], parts[0]), ROWS)
    nothing = LogitStatistics.of(ROWS[:0])
    assert_equal_to_numpy(nothing + parts[1], ROWS[1:30])
    assert int((nothing + nothing).rows) == 0


def test_half_precision_is_not_rounded_further():
    rows = ROWS.half()
    assert_equal_to_numpy(LogitStatistics.of(rows), rows.double())


def _reduce(rank, folder):
    join_ranks(rank, folder)
    uneven, one_sided = ROWS.split([50, 10]), (ROWS, ROWS[:0])
    torch.save([tuple(LogitStatistics.of(part[rank]).all_reduce()) for part in (uneven, one_sided)], folder / f'{rank}.pth')


def test_two_ranks(tmp_path):
    """Rank 0 has 50 rows and rank 1 has 10; then rank 0 has all."""
    run_two_ranks(_reduce, tmp_path)
    first, second = (torch.load(tmp_path / f'{rank}.pth') for rank in (0, 1))
    for of_first, of_second in zip(first, second, strict=True):
        assert all(map(torch.equal, of_first, of_second))
        assert_equal_to_numpy(LogitStatistics(*of_first), ROWS)


def test_logn_by_hand():
    """Means 1 and 3, deviations 2 and 4; the background, of mean 50, is left alone."""
    statistics = LogitStatistics.of(torch.tensor([[-1.0, -1, 40], [3, 7, 60]]))
    scale, shift = logn(statistics, has_background=True)
    assert scale.tolist() == [0.5, 0.25]
    assert shift.tolist() == [0, -0.5]
    scale, shift = logn(LogitStatistics.of(torch.tensor([[-1.0, -1], [3, 7]])), has_background=False)
    assert (scale.tolist(), shift.tolist()) == ([0.5, 0.25], [0, -0.5])


def test_logn_gives_what_the_public_code_gives():
    """Batch norm there keeps the variance divided by n - 1, here it is divided by n."""
    statistics = LogitStatistics.of(torch.tensor(PUBLIC['training_logits']))
    count = len(PUBLIC['training_logits'])
    scale, shift = logn(statistics._replace(squares=statistics.squares * count / (count - 1)), has_background=True)
    logits = torch.tensor(PUBLIC['softmax_logits'])
    logits[:, :-1] = logits[:, :-1] * scale + shift
    assert np.allclose(logits, PUBLIC['outputs']['logn'], rtol=1e-4)


def test_logits_that_never_differ_stay_finite():
    scale, shift = logn(LogitStatistics.of(torch.ones(5, 3)), has_background=True)
    assert torch.isfinite(scale).all()
    assert torch.isfinite(shift).all()


def test_no_rows_is_an_error():
    with pytest.raises(ValueError, match='LogN needs the logits of at least one region, got none'):
        logn(LogitStatistics.of(torch.ones(0, 3)), has_background=True)
