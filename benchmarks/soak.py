"""Train long with all methods at once, and tell whether memory or files grow.

    python benchmarks/soak.py [CONFIG] [--iterations 2000]

Every 20 iterations it notes the memory (private to the process, so that shared pages do not count twice) of the training
process and of its workers, the open files, and the size of the work directory without checkpoints. The slope is that of a
straight line through what comes after the first quarter, the warm-up. The default config needs data/digits_longtail and the
file of likelihoods that it names. Needs psutil.
"""

import argparse
import json
from pathlib import Path

import imbdet  # first: it reports a broken installation and the fix

# isort: split
import numpy as np
import psutil
from mmengine.hooks import Hook
from mmengine.runner import Runner

from imbdet.cli.arguments import run_tool
from imbdet.cli.runs import build_runner, load_config
from imbdet.files import atomic_write

CONFIG = Path(imbdet.__file__).parent / '.mim/configs/combined/retinanet_r18_combined_1200i_digits-pairs.py'
EVERY = 20
MOST = {'process MiB': 10.0, 'workers MiB': 10.0, 'open files': 1.0, 'logs kB': 400.0}
"""Largest slope for 1,000 iterations that counts as flat; logs hold a line for every 50 iterations."""


class SoakHook(Hook):
    """Notes memory and files during a training."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        """Take a note every 20 iterations.

        Args:
            runner: The runner of the training.
            batch_idx: Not used.
            data_batch: Not used.
            outputs: Not used.
        """
        if (runner.iter + 1) % EVERY:
            return
        process = psutil.Process()
        logs = sum(path.stat().st_size for path in Path(runner.work_dir).rglob('*') if path.is_file() and path.suffix != '.pth')
        self.rows.append({
            'iteration': runner.iter + 1,
            'process MiB': process.memory_full_info().uss / 2**20,
            'workers MiB': sum(child.memory_full_info().uss for child in process.children(recursive=True)) / 2**20,
            'open files': process.num_fds(),
            'logs kB': logs / 1000})


def run(arguments: argparse.Namespace) -> None:
    """Train and report.

    Raises:
        RuntimeError: If something grows.
    """
    cfg = load_config(arguments.config)
    cfg.merge_from_dict(dict(
        work_dir=str(arguments.work_dir), train_cfg=dict(max_iters=arguments.iterations, val_interval=arguments.iterations + 1),
        default_hooks=dict(logger=dict(interval=50), checkpoint=dict(interval=500, max_keep_ckpts=1))))
    hook = SoakHook()
    runner = build_runner(cfg)
    runner.register_hook(hook)
    runner.train()
    with atomic_write(arguments.work_dir / 'soak.json') as file:
        file.write_text(json.dumps(hook.rows))
    iterations = np.array([row['iteration'] for row in hook.rows])
    settled = iterations > arguments.iterations / 4
    growing = []
    for name, most in MOST.items():
        values = np.array([row[name] for row in hook.rows])
        slope = 1000 * np.polyfit(iterations[settled], values[settled], 1)[0]
        print(f'{name}: {values[settled][0]:.1f} at iteration {iterations[settled][0]}, {values[-1]:.1f} at {iterations[-1]}, '
              f'slope {slope:+.2f} for 1,000 iterations (limit: {most:g})')
        if slope > most:
            growing.append(name)
    if growing:
        raise RuntimeError(f'{", ".join(growing)} grow; all notes are in {arguments.work_dir / "soak.json"}')


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', nargs='?', type=Path, default=CONFIG, help='train config file path (default: %(default)s)')
    parser.add_argument('--iterations', type=int, default=2000, help='length of the training (default: %(default)s)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/soak'), help='folder to write (default: %(default)s)')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
