"""Evaluate a detector: ``tools/test.py CONFIG CHECKPOINT``, with the flags of mmdet's tools/test.py."""

import argparse
from pathlib import Path

import imbdet  # noqa: F401  first: it says what an installation lacks and how to mend it

# isort: split
from mmdet.evaluation import DumpDetResults
from mmengine.config import Config, ConfigDict

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
    parser = argparse.ArgumentParser(description='Test (and evaluate) a detector')
    parser.add_argument('config', help='test config file path')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_common_arguments(parser)
    parser.add_argument('--out', help='dump predictions to this pickle file for offline evaluation')
    parser.add_argument('--show', action='store_true', help='show prediction results')
    parser.add_argument('--show-dir', help='folder in the work directory to save painted images in')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds to show each image')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation by the config\'s tta_model')
    return parser.parse_args()


def apply_flags(cfg: Config, arguments: argparse.Namespace) -> None:
    """Carry the flags over to the config."""
    if '://' not in arguments.checkpoint and not Path(arguments.checkpoint).is_file():
        raise FileNotFoundError(f'checkpoint not found: {arguments.checkpoint}')
    cfg.load_from = arguments.checkpoint
    if arguments.out is not None and not arguments.out.endswith(('.pkl', '.pickle')):
        raise ValueError(f'--out writes a pickle file; its name must end in .pkl or .pickle, got {arguments.out}')
    if arguments.show or arguments.show_dir:
        visualization = cfg.default_hooks.get('visualization')
        if visualization is None:
            raise ValueError("--show and --show-dir need default_hooks.visualization=dict(type='DetVisualizationHook')")
        visualization.update(draw=True, show=arguments.show, wait_time=arguments.wait_time,
                             test_out_dir=arguments.show_dir)
    if arguments.tta:
        if 'tta_model' not in cfg or 'tta_pipeline' not in cfg:
            raise ValueError('--tta needs tta_model and tta_pipeline in the config')
        dataset = cfg.test_dataloader.dataset
        while 'dataset' in dataset:
            dataset = dataset.dataset
        dataset.pipeline = cfg.tta_pipeline
        cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)


def main() -> None:
    """Evaluate."""
    arguments = parse_arguments()
    with one_line_errors(arguments.verbose, USAGE_ERROR):
        cfg = read_config(arguments)
        apply_flags(cfg, arguments)
        report_annotations(cfg, ('test_dataloader', ))
    with one_line_errors(arguments.verbose, RUN_ERROR):
        runner = build_runner(cfg)
        if arguments.out is not None:
            runner.test_evaluator.metrics.append(DumpDetResults(out_file_path=arguments.out))
        runner.test()


if __name__ == '__main__':
    main()
