"""Two processes that work together: running a function in both, which begins with joining the other."""

from multiprocessing import util

import numpy as np
import torch

import imbdet.registration  # noqa: F401  as in a training; DDP that imports torch._dynamo itself keeps its group alive
from imbdet.cli.gloo import shutdown_gloo

from . import forked_python  # noqa: F401  says what has been imported in what is forked


def join_ranks(rank, folder):
    """Join the other process; leave it when the process ends, as imbdet's tools do."""
    np.random.seed()  # as of processes that were not forked: mmengine draws its random seed from here
    torch.distributed.init_process_group('gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2)
    util.Finalize(None, shutdown_gloo, exitpriority=0)  # forked processes leave out what is registered with atexit


def run_two_ranks(function, *arguments):
    """Call a function with 0 and with the arguments in one process, and with 1 in another at the same time."""
    torch.multiprocessing.start_processes(function, arguments, nprocs=2, start_method='forkserver')
