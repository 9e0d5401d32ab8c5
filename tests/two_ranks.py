"""Being one of two processes that work together; spawned functions of tests begin with it."""

import atexit

import torch

import imbdet.registration  # noqa: F401  as in a training; DDP that imports torch._dynamo itself keeps its group alive
from imbdet.cli.gloo import shutdown_gloo


def join_ranks(rank, folder):
    """Join the other process; leave it when the process ends, as imbdet's tools do."""
    torch.distributed.init_process_group('gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2)
    atexit.register(shutdown_gloo)
