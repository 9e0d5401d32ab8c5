"""What tests put into a training to kill it; configs import it by custom_imports."""

import contextlib
import os
import resource
import signal
from pathlib import Path

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS

BYTES = 20_000  # of a checkpoint that get onto the disk


def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)


@HOOKS.register_module()
class CrashHook(Hook):
    """Note the images of each iteration in order.txt, and die where the variable CRASH says.

    ``second epoch``: when its second batch has come. ``checkpoint``: in the middle of mmengine's own writing of the first
    checkpoint: the system cuts the file off at a limit of its size and tells the process, whose answer is SIGKILL.
    """

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        images = ' '.join(str(sample.img_id) for sample in data_batch['data_samples'])
        with (Path(runner.work_dir) / 'order.txt').open('a') as file:
            file.write(f'{runner.iter} {images}\n')
        if os.environ.get('CRASH') == 'second epoch' and (runner.epoch, batch_idx) == (1, 1):
            kill()

    def before_save_checkpoint(self, runner, checkpoint):
        if os.environ.get('CRASH') == 'checkpoint':
            signal.signal(signal.SIGXFSZ, kill)
            resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, resource.RLIM_INFINITY))


@OPTIM_WRAPPERS.register_module()
class Bfloat16OptimWrapper(OptimWrapper):
    """Automatic mixed precision on a CPU; mmengine's AmpOptimWrapper wants a GPU."""

    @contextlib.contextmanager
    def optim_context(self, model):
        with super().optim_context(model), torch.autocast('cpu', torch.bfloat16):
            yield
