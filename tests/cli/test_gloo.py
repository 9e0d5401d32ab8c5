"""Leaving a group of processes: no thread of gloo's is left that could abort the process while Python ends."""

import torch
from torch.nn.parallel import DistributedDataParallel

from imbdet.cli.gloo import shutdown_gloo

from ..two_ranks import join_ranks, run_two_ranks


def gloo_threads():
    """Names of this process's threads that work off gloo's queue, as torch calls them."""
    from pathlib import Path
    return [name for name in (path.read_text().strip() for path in Path('/proc/self/task').glob('*/comm')) if 'gloo' in name]


class Cycle:
    """What holds itself, as mmengine's runner does."""


def _leave(rank, folder):
    join_ranks(rank, folder)
    torch.distributed.all_reduce(torch.ones(1))
    cycle = Cycle()
    cycle.itself, cycle.model = cycle, DistributedDataParallel(torch.nn.Linear(2, 2))
    del cycle
    before = gloo_threads()
    shutdown_gloo()
    (folder / f'{rank}.txt').write_text(f'{len(before)} {len(gloo_threads())}')


def test_no_thread_is_left(tmp_path):
    run_two_ranks(_leave, tmp_path)
    for rank in range(2):
        before, after = (tmp_path / f'{rank}.txt').read_text().split()
        assert int(before) > 0
        assert int(after) == 0


def test_without_a_group():
    shutdown_gloo()
    assert not torch.distributed.is_initialized()
