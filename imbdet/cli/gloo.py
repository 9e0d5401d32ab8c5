"""Processes that work together without a GPU, by gloo: joining and leaving."""

import atexit
import gc

import torch


def init_gloo() -> None:
    """Let the processes that ``torchrun`` started work together without a GPU; mmengine's ``init_dist`` asks for one.

    They leave each other when they end.
    """
    torch.distributed.init_process_group('gloo')
    atexit.register(shutdown_gloo)


def shutdown_gloo() -> None:
    """End this process's part in the group, and the threads that gloo has for it, while Python is still whole.

    ``destroy_process_group`` forgets the group, but its threads live as long as something holds it, such as a detector that is
    wrapped for distributed training and waits in a reference cycle to be collected. A thread that then lets go of a tensor
    after Python has begun to end aborts the process: "terminate called without an active exception". Without a group it does
    nothing.
    """
    if not torch.distributed.is_initialized():
        return
    group = torch.distributed.group.WORLD
    gc.collect()  # what holds the group
    torch.distributed.destroy_process_group()
    # The last to hold it has to be Python: it waits for the threads without the interpreter's lock, which they may need.
    del group
