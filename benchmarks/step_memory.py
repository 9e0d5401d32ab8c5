"""Tell the peak memory of a training process over some steps of a config, without validation.

    python benchmarks/step_memory.py CONFIG [--steps 6]

On a GPU, of torch's allocator; else of the process, data set and libraries included. overhead.py starts it for each config in
turn, since a peak cannot be taken back.
"""

import argparse
import resource
import tempfile
from pathlib import Path

import torch
from mmengine.runner import Runner

from imbdet.cli.arguments import run_tool
from imbdet.cli.runs import load_config


def run(arguments: argparse.Namespace) -> None:
    """Train some steps and print MiB."""
    cfg = load_config(arguments.config)
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.val_dataloader.update(num_workers=0, persistent_workers=False)
    with tempfile.TemporaryDirectory() as folder:
        cfg.merge_from_dict(dict(
            work_dir=folder, log_level='ERROR', train_cfg=dict(max_iters=arguments.steps, val_begin=arguments.steps + 1),
            default_hooks=dict(checkpoint=dict(interval=arguments.steps + 1, save_last=False))))
        Runner.from_cfg(cfg).train()
    if torch.cuda.is_available():
        print(torch.cuda.max_memory_allocated() / 2**20)
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', type=Path, help='train config file path, of an iteration loop')
    parser.add_argument('--steps', type=int, default=6, help='iterations (default: %(default)s)')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
