"""Train a detector: ``tools/train.py CONFIG``, with the flags of mmdet's tools/train.py."""

import argparse

import imbdet  # noqa: F401  first: it says what an installation lacks and how to mend it

# isort: split
from mmengine.config import Config

from imbdet.checkpoints import prepare_resume
from imbdet.command_line import (
    RUN_ERROR,
    USAGE_ERROR,
    add_common_arguments,
    build_runner,
    one_line_errors,
    read_config,
    report_annotations,
)


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description='Train a detector')
    parser.add_argument('config', help='train config file path')
    add_common_arguments(parser)
    parser.add_argument('--amp', action='store_true', help='train with automatic mixed precision')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate by the batch size')
    parser.add_argument('--resume', nargs='?', const='auto', metavar='CHECKPOINT',
                        help='resume from the checkpoint, or from the latest one in the work directory')
    return parser.parse_args()


def apply_flags(cfg: Config, arguments: argparse.Namespace) -> None:
    """Carry --amp, --auto-scale-lr and --resume over to the config."""
    if arguments.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.loss_scale = 'dynamic'
    if arguments.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise ValueError('--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in the config')
        cfg.auto_scale_lr.enable = True
    if arguments.resume is not None:
        cfg.resume = True
        cfg.load_from = None if arguments.resume == 'auto' else arguments.resume


def main() -> None:
    """Train."""
    arguments = parse_arguments()
    with one_line_errors(arguments.verbose, USAGE_ERROR):
        cfg = read_config(arguments)
        apply_flags(cfg, arguments)
        prepare_resume(cfg)
        report_annotations(cfg, ('train_dataloader', 'val_dataloader'))
    with one_line_errors(arguments.verbose, RUN_ERROR):
        runner = build_runner(cfg)
        runner.train()


if __name__ == '__main__':
    main()
