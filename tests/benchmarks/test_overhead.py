"""The table of what methods cost, and the loops that the samplers' maths is timed against."""

import numpy as np
import pytest
import torch


@pytest.fixture(scope='module')
def table(load_tool):
    return load_tool('benchmarks/table.py')


def test_ratios_are_of_pairs(table):
    """The second of each pair takes twice the first, while the machine slows down tenfold."""
    times = np.outer([1.0, 2.0, 10.0], [0.001, 0.002])
    row = table.ratio_row('step', 'this', times, 1.5)
    assert row.measured == '2.000 (2.000 to 2.000, 3 pairs): 2.0 and 4.0 ms'
    assert (row.limit, row.passed) == ('at most 1.5', False)
    assert table.ratio_row('step', 'this', times, 2.0).passed
    assert table.ratio_row('step', 'this', times, None)[3:] == ('', True)


def test_failures_are_reported(table, capsys):
    good, bad = table.Row('a', 'b', '1', 'at most 2'), table.Row('a', 'c', '3', 'at most 2', False)
    told = table.Row('a', 'd', '4')
    assert table.print_table([good, told])
    assert not table.print_table(iter([good, bad, told]))
    lines = capsys.readouterr().out.splitlines()[3:]
    assert lines == ['a  b  1  at most 2  ok', 'a  c  3  at most 2  FAILED', 'a  d  4', '3 rows, 1 failed']


def test_loops_do_what_the_arrays_do(load_tool):
    benchmark = load_tool('benchmarks/repeat_factor_sampler.py')
    labels = [[0, 0, 3], [1], [], [0, 2], [0]] * 4 + [[4]]
    factors = benchmark.loop_factors(labels, 0.3)
    assert factors.max() > 2 > 1 == factors.min()
    np.testing.assert_allclose(benchmark.array_factors(labels, 0.3), factors.numpy(), rtol=1e-6)
    epochs = [benchmark.loop_epoch(factors, torch.Generator().manual_seed(seed)) for seed in range(2000)]
    counts = np.mean([np.bincount(epoch, minlength=len(labels)) for epoch in epochs], axis=0)
    np.testing.assert_allclose(counts, factors.numpy(), atol=0.06)


@pytest.mark.slow
def test_a_part_from_the_command_line(run_python, load_tool):
    process = run_python(load_tool('benchmarks/overhead.py').__file__, '--parts', 'mixing', '--steps', '2')
    assert process.returncode in (0, 1), process.stderr  # by how fast the machine is
    assert '8 x 6 x 640 x 512 on cpu, patches of 4: mixed against copied' in process.stdout
