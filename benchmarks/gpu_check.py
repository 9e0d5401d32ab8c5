"""Check imbdet on a GPU: ``python benchmarks/gpu_check.py``, in less than ten minutes and without a network.

One table: the methods' maths and whole steps on CPU and GPU; trainings with automatic mixed precision; the time and memory of
a step with each method against the same detector without. The digits are made in a temporary folder. It ends with code 0 if
all checks pass, 1 if not, and 2 where there is no GPU.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import imbdet  # first: it reports a broken installation and the fix

# isort: split
import numpy as np
import torch
from gpu_parity import compare_maths, compare_step
from mmdet.registry import HOOKS
from mmengine.config import Config
from mmengine.runner import Runner
from paired_steps import in_turn, step_times, untrained_runner
from table import Row, print_table, ratio_row

from imbdet.cli.runs import load_config

TOOLS = Path(__file__).resolve().parents[1] / 'tools'
CONFIGS = Path(imbdet.__file__).parent / '.mim/configs'
QUICKSTART = ('retinanet_r18_irfs_400i_digits', 'retinanet_r18_sampling-free_400i_digits',
              'faster-rcnn_r18_sampling-free_400i_digits', 'retinanet_r18_equity_400i_digits',
              'retinanet_r18_mipa-ma_1200i_digits-pairs')
HOOKED = ('retinanet_r18_sampling-free_400i_digits', 'retinanet_r18_equity_400i_digits')
ATTACHING = ('GuidedLossHook', 'DatasetEquityHook')


def configs() -> list[Path]:
    """List the configs that are trained: of each method, and the combined ones."""
    return [*(CONFIGS / f'quickstart/{name}.py' for name in QUICKSTART), *sorted((CONFIGS / 'combined').glob('*digits*.py'))]


def make_data(paths: list[Path]) -> None:
    """Make the digits and the files of likelihoods that the configs name, in the current folder."""
    subprocess.run([sys.executable, TOOLS / 'data/make_digits_longtail.py'], check=True)
    made: set[str] = set()
    for path in paths:
        for hook in Config.fromfile(path).get('custom_hooks', []):
            likelihoods = hook.get('likelihoods')
            if likelihoods is not None and likelihoods not in made:
                made.add(likelihoods)
                subprocess.run([sys.executable, TOOLS / 'equity/build_likelihoods.py', path, '--embedding', 'colour-texture',
                                '--clusters', '3', '--out', likelihoods], check=True, stdout=subprocess.DEVNULL)


def larger(cfg: Config, side: int) -> Config:
    """Give a quickstart config images of a size that keeps a GPU busy, and ResNet-50."""
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == 'RandomResize':
            step.scale = (side, side)
        elif step.type == 'RandomCrop':
            step.crop_size = (side, side)
    if side > 160:
        detector = cfg.model.get('detector', cfg.model)  # inside ModalityAgnosticDetector
        detector.backbone.update(depth=50, base_channels=64)
        detector.neck.in_channels = [256, 512, 1024, 2048]
        if detector is not cfg.model:
            cfg.model.modality_head.in_channels = detector.neck.in_channels[cfg.model.stage]
    return cfg


def attaching_hook(cfg: Config) -> object:
    """Build the hook of a config that attaches to the detector."""
    return HOOKS.build(next(hook for hook in cfg.custom_hooks if hook.type in ATTACHING))


def check_steps(device: torch.device, side: int) -> Iterator[Row]:
    """Compare whole steps on CPU and GPU, in float32."""
    for name in HOOKED:
        cfg = larger(load_config(CONFIGS / f'quickstart/{name}.py'), min(side, 160))
        hook = attaching_hook(cfg)
        runner, _ = untrained_runner(cfg, 'work_dirs/parity')
        yield from compare_step(name.split('_400i')[0], runner, hook, device)


def train(path: Path, iterations: int, device: torch.device) -> Row:
    """Train with automatic mixed precision, which mmengine has on GPUs only: a rehearsal trains without."""
    cfg = load_config(path)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    if device.type == 'cuda':
        cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')
    cfg.merge_from_dict(dict(
        work_dir=f'work_dirs/{path.stem}', log_level='WARNING',
        train_cfg=dict(max_iters=iterations, val_interval=iterations + 1),
        default_hooks=dict(logger=dict(interval=1), checkpoint=dict(interval=iterations + 1, save_last=False))))
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    runner = Runner.from_cfg(cfg)
    runner.train()
    losses = runner.message_hub.get_scalar('train/loss').data[0]
    fifth = max(len(losses) // 5, 1)
    memory = f', {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB' if device.type == 'cuda' else ''
    found = f'loss {np.mean(losses[:fifth]):.3f} to {np.mean(losses[-fifth:]):.3f} in {iterations} iterations{memory}'
    return Row('training with AMP' if device.type == 'cuda' else 'training', path.stem, found, 'finite',
               bool(np.isfinite(losses).all()))


def compare_times(steps: int, side: int, most: float | None) -> Iterator[Row]:
    """Time steps with each method and without, in turn; hooks may make a step that many times as long."""
    for name in HOOKED:
        cfg = larger(load_config(CONFIGS / f'quickstart/{name}.py'), side)
        hook = attaching_hook(cfg)
        runner, optim_wrapper = untrained_runner(cfg, 'work_dirs/times')
        batch = next(iter(runner.train_dataloader))
        yield ratio_row('time of a step', type(hook).__name__, step_times(runner, hook, batch, optim_wrapper, steps), most)
    trainings = {}
    for name in ('rgb', 'mipa', 'mipa-ma'):
        cfg = larger(load_config(CONFIGS / f'quickstart/retinanet_r18_{name}_1200i_digits-pairs.py'), side)
        runner, optim_wrapper = untrained_runner(cfg, 'work_dirs/times')
        trainings[name] = runner, next(iter(runner.train_dataloader)), optim_wrapper

    for name, what in (('mipa', 'MiPa, pairs against visible images'), ('mipa-ma', 'MiPa with PatchModalityHead')):
        yield ratio_row('time of a step', what, in_turn(trainings['rgb'], trainings[name], steps), None)


def main() -> None:
    """Check and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--iterations', type=int, default=60, help='iterations of each training (default: %(default)s)')
    parser.add_argument('--steps', type=int, default=30, help='timed steps of each (default: %(default)s)')
    parser.add_argument('--rehearse', action='store_true',
                        help='run all of it on the CPU, small: tries this tool, and says nothing of a GPU')
    arguments = parser.parse_args()
    if not torch.cuda.is_available() and not arguments.rehearse:
        print(f'gpu_check: NO GPU: torch {torch.__version__} finds no CUDA device here. Nothing was checked. --rehearse tries '
              'the tool itself on the CPU.')
        raise SystemExit(2)
    device = torch.device('cpu' if arguments.rehearse else 'cuda')
    where = 'a rehearsal on the CPU, which says nothing of a GPU' if arguments.rehearse else torch.cuda.get_device_name()
    side = 64 if arguments.rehearse else 800
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # float32 on both sides
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_data(configs())
        rows = [*compare_maths(device), *check_steps(device, side)]
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        rows += [train(path, arguments.iterations, device) for path in configs()]
        rows += compare_times(arguments.steps, side, None if arguments.rehearse else 1.02)
        os.chdir(TOOLS)
    print(f'\ngpu_check: {where}; torch {torch.__version__}, Python {platform.python_version()}')
    raise SystemExit(not print_table(rows))


if __name__ == '__main__':
    main()
