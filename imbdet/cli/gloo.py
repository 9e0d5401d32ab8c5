"""Distributed processes without a GPU: start and shutdown of the gloo process group."""

import atexit
import gc

import torch


def init_gloo() -> None:
    """Initialize the process group of ``torchrun`` without a GPU, which mmengine's ``init_dist`` requires.

    It is shut down when the process exits.
    """
    torch.distributed.init_process_group('gloo')
    atexit.register(shutdown_gloo)


def shutdown_gloo() -> None:
    """Leave the process group and end its gloo threads before Python shuts down.

    ``destroy_process_group`` drops the group, but its threads live as long as something references it, such as a detector that
    is wrapped for distributed training and is in a reference cycle. A thread that then releases a tensor while Python shuts
    down aborts the process: "terminate called without an active exception". Without a group this function does nothing.
    """
    if not torch.distributed.is_initialized():
        return
    group = torch.distributed.group.WORLD
    gc.collect()  # objects that reference the group
    torch.distributed.destroy_process_group()
    # Python has to release the last reference: it waits for the threads without the interpreter lock, which they may need.
    del group
