"""``imbdet train CONFIG``, with the flags of mmdet's tools/train.py."""

import argparse
from typing import TYPE_CHECKING

from imbdet.cli.arguments import add_common_arguments
from imbdet.cli.errors import USAGE_ERROR, one_line_errors
from imbdet.cli.runs import build_runner, read_config, report_annotations

if TYPE_CHECKING:
    from mmengine.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('config', help='train config file path')
    add_common_arguments(parser)
    parser.add_argument('--amp', action='store_true', help='train with automatic mixed precision')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate by the batch size')
    parser.add_argument('--resume', nargs='?', const='auto', metavar='CHECKPOINT',
                        help='resume from the checkpoint, or from the latest one in the work directory')


def apply_flags(cfg: 'Config', arguments: argparse.Namespace) -> None:
    """Apply --amp, --auto-scale-lr and --resume to the config."""
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


def run(arguments: argparse.Namespace) -> None:
    """Train."""
    with one_line_errors(arguments.verbose, USAGE_ERROR):
        cfg = read_config(arguments)
        apply_flags(cfg, arguments)
        from imbdet.cli.resume import prepare_resume  # torch
        prepare_resume(cfg)
        report_annotations(cfg, ('train_dataloader', 'val_dataloader'))
    build_runner(cfg).train()
