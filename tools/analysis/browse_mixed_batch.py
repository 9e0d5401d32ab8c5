"""Draw pairs of the training set and their mixed images: ``tools/analysis/browse_mixed_batch.py CONFIG``."""

import argparse
from pathlib import Path

import imbdet  # noqa: F401  first: it checks the installation

# isort: split
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed

from imbdet.cli.arguments import run_tool
from imbdet.cli.runs import load_config
from imbdet.reports import draw_mixed_batch


def run(arguments: argparse.Namespace) -> None:
    """Draw the first batch of the training dataloader."""
    cfg = load_config(arguments.config)
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    set_random_seed(arguments.seed)
    cfg.train_dataloader.update(batch_size=arguments.number, num_workers=0, persistent_workers=False)
    batch = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=arguments.seed)))
    data_preprocessor = cfg.model.get('data_preprocessor') or cfg.model.detector.data_preprocessor
    if data_preprocessor.type.split('.')[-1] != 'MiPaDataPreprocessor':
        raise ValueError(f'{arguments.config}: the data preprocessor must be a MiPaDataPreprocessor, got '
                         f'{data_preprocessor.type}')
    print(f'wrote {draw_mixed_batch(batch, data_preprocessor, arguments.out)}')


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description='Draw pairs of the training set and their mixed images')
    parser.add_argument('config', type=Path, help='train config file path')
    parser.add_argument('--out', type=Path, default=Path('mixed_batch.png'), help='PNG to write (default: %(default)s)')
    parser.add_argument('--number', type=int, default=4, help='pairs to draw (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='seed of order, augmentation and patches (default: %(default)s)')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
