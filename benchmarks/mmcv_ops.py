"""Time training steps with imbdet.mmcv_ops against steps with compiled mmcv, in turn, and tell the memory of each.

    .venv-compiled/bin/python benchmarks/mmcv_ops.py [--steps 30] [--size 320 320]

mmdet's own detectors at their own width (R50), untrained, on made images. It needs an mmcv with compiled operations
(``make OPS=compiled setup``).
"""

import argparse
import importlib
import resource
import subprocess
import sys
import types
from collections.abc import Iterator

import imbdet  # noqa: F401  first: it says what an installation lacks and how to fix it

# isort: split
import mmcv.ops
import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.testing import demo_mm_inputs
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from paired_steps import WARM_UP, seconds
from table import Row, print_table, ratio_row
from tqdm import tqdm

from imbdet.cli.arguments import run_tool
from imbdet.mmcv_ops import extension, is_compiled

DETECTORS = {
    'RetinaNet': ('retinanet/retinanet_r50_fpn_1x_coco.py', 1.05),
    'Faster R-CNN': ('faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', 1.05),
    'Faster R-CNN, DCN': ('dcn/faster-rcnn_r50-dconv-c3-c5_fpn_1x_coco.py', None),
    'Faster R-CNN, DCNv2': ('dcnv2/faster-rcnn_r50-mdconv-c3-c5_fpn_1x_coco.py', None),
    'Mask R-CNN': ('mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', None),
    'DINO': ('dino/dino-4scale_r50_8xb2-12e_coco.py', None)
}
"""mmdet's config of each, and the largest allowed ratio of steps."""


def operations() -> dict[str, types.ModuleType]:
    """Both implementations: ``'compiled'`` and ``'imbdet'``."""
    compiled = importlib.import_module('mmcv._ext')
    if not is_compiled(compiled.__spec__):
        raise RuntimeError('this mmcv has no compiled operations to compare with: make OPS=compiled setup, then run this with '
                           '.venv-compiled/bin/python')
    ours = types.ModuleType('mmcv._ext')
    extension.fill(ours)
    return {'compiled': compiled, 'imbdet': ours}


def use(module: types.ModuleType) -> None:
    """Let mmcv's functions call the operations of a module."""
    for name, caller in list(sys.modules.items()):
        if name.startswith('mmcv.ops.') and hasattr(caller, 'ext_module'):
            caller.ext_module = module


class Training:
    """A detector, a batch of two made images with boxes and masks, and SGD."""

    def __init__(self, name: str, size: tuple[int, int]) -> None:
        register_all_modules()
        cfg = Config.fromfile(f'{mmdet_configs()}/{DETECTORS[name][0]}')
        cfg.model.backbone.init_cfg = None
        torch.manual_seed(0)
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
        self.model = MODELS.build(cfg.model).to(device).train()
        self.model.init_weights()
        self.batch = demo_mm_inputs(2, [(3, *size), (3, *size)], num_items=[8, 8], num_classes=80, with_mask=True,
                                    device=device)
        self.optimizer = OptimWrapper(torch.optim.SGD(self.model.parameters(), lr=1e-5))

    def step(self) -> float:
        """Train one step; return its seconds."""
        return seconds(self.model.train_step, self.batch, optim_wrapper=self.optimizer)


def mmdet_configs() -> str:
    """Folder of mmdet's configs."""
    return f'{importlib.import_module("mmdet").__path__[0]}/.mim/configs'


def peak_memory(name: str, which: str, size: tuple[int, int]) -> float:
    """GiB of a process of its own that takes three steps: of the GPU's allocator, or else of the process."""
    command = [sys.executable, __file__, '--memory-of', name, which, '--size', *map(str, size)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.split()[-1])


def rows(names: list[str], steps: int, size: tuple[int, int]) -> Iterator[Row]:
    """Time all detectors.

    Yields:
        Rows of the table.
    """
    both = operations()
    for name in names:
        training, times = Training(name, size), []
        for _ in tqdm(range(steps + WARM_UP), disable=None, unit='step', desc=name):
            pair = []
            for which in ('compiled', 'imbdet'):
                use(both[which])
                pair.append(training.step())
            times.append(pair)
        yield ratio_row('step', f'{name}: imbdet.mmcv_ops over compiled', np.array(times[WARM_UP:]), DETECTORS[name][1])
        del training
        memory = {which: peak_memory(name, which, size) for which in both}
        yield Row('memory', f'{name}: compiled and imbdet.mmcv_ops', '{compiled:.2f} and {imbdet:.2f} GiB'.format(**memory))


def run(arguments: argparse.Namespace) -> None:
    """Print the table, or the memory of one training."""
    size = tuple(arguments.size)
    if arguments.memory_of:
        name, which = arguments.memory_of
        use(operations()[which])
        training = Training(name, size)
        for _ in range(3):
            training.step()
        print(torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available()
              else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        return
    print(f'mmcv {mmcv.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads, two images of {size}, '
          f'{"GPU" if torch.cuda.is_available() else "CPU"}')
    if not print_table(rows(arguments.detectors, arguments.steps, size)):
        raise SystemExit(1)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--steps', type=int, default=30, help='steps of each (default: %(default)s)')
    parser.add_argument('--size', type=int, nargs=2, default=[320, 320], help='height and width (default: 320 320)')
    parser.add_argument('--detectors', nargs='+', choices=DETECTORS, default=list(DETECTORS), help='which (default: all)')
    parser.add_argument('--memory-of', nargs=2, metavar=('DETECTOR', 'OPS'), help=argparse.SUPPRESS)
    run_tool(parser, run)


if __name__ == '__main__':
    main()
