"""``imbdet test CONFIG CHECKPOINT``, with the flags of mmdet's tools/test.py.

``--out FILE.json`` saves the predictions, and ``imbdet test CONFIG FILE.json`` evaluates them later, without the detector.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from imbdet.cli.arguments import add_common_arguments
from imbdet.cli.errors import USAGE_ERROR, one_line_errors
from imbdet.cli.runs import build_runner, read_config, report_annotations

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.evaluator import BaseMetric
    from mmengine.runner import Runner


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('config', help='test config file path')
    parser.add_argument('checkpoint', help='checkpoint file; or predictions, a COCO results file ending in .json')
    add_common_arguments(parser)
    parser.add_argument('--out', help='save the predictions as COCO results to a .json file, for later evaluation with '
                        'this or other tools, or in mmdet\'s format to a .pkl file')
    parser.add_argument('--show', action='store_true', help='show prediction results')
    parser.add_argument('--show-dir', help='folder in the work directory for images with drawn detections')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds to show each image')
    parser.add_argument('--thresholds', metavar='FILE.json', help='keep detections above the score threshold of their class, '
                        'which imbdet thresholds has chosen')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation with the config\'s tta_model')


def is_predictions(path: str) -> bool:
    """Return whether a path is a file of saved predictions instead of a checkpoint."""
    return path.endswith('.json')


def dump_metric(path: str, runner: 'Runner') -> 'BaseMetric':
    """Make the metric that saves the predictions of a test."""
    from mmdet.evaluation import DumpDetResults

    from imbdet.evaluation.saved_predictions import DumpPredictions, category_ids

    if path.endswith('.json'):
        return DumpPredictions(path, category_ids(runner.test_dataloader.dataset))
    return DumpDetResults(out_file_path=path)


def apply_flags(cfg: 'Config', arguments: argparse.Namespace) -> None:
    """Apply the flags to the config."""
    from imbdet.cli.resume import check_complete  # torch

    if '://' not in arguments.checkpoint and not Path(arguments.checkpoint).is_file():
        kind = 'predictions' if is_predictions(arguments.checkpoint) else 'checkpoint'
        raise FileNotFoundError(f'{kind} not found: {arguments.checkpoint}')
    if is_predictions(arguments.checkpoint):
        flags = {'--out': arguments.out, '--show': arguments.show, '--show-dir': arguments.show_dir, '--tta': arguments.tta,
                 '--thresholds': arguments.thresholds}
        unfit = [flag for flag, value in flags.items() if value]
        if unfit:
            raise ValueError(f'{", ".join(unfit)} cannot be used with saved predictions; use a checkpoint')
        return
    check_complete(arguments.checkpoint)
    cfg.load_from = arguments.checkpoint
    if arguments.out is not None and not arguments.out.endswith(('.json', '.pkl', '.pickle')):
        raise ValueError(f'--out must be a .json or a .pkl file, got {arguments.out}')
    if arguments.show or arguments.show_dir:
        visualization = cfg.default_hooks.get('visualization')
        if visualization is None:
            raise ValueError("--show and --show-dir need default_hooks.visualization=dict(type='DetVisualizationHook')")
        visualization.update(draw=True, show=arguments.show, wait_time=arguments.wait_time,
                             test_out_dir=arguments.show_dir)
    if arguments.thresholds is not None:
        if not Path(arguments.thresholds).is_file():
            raise FileNotFoundError(f'thresholds not found: {arguments.thresholds}')
        cfg.custom_hooks = [*cfg.get('custom_hooks', []),
                            dict(type='ClassAdaptiveThresholdHook', thresholds=arguments.thresholds)]
    if arguments.tta:
        _augment(cfg)


def _augment(cfg: 'Config') -> None:
    """Apply the config's test-time augmentation to its model and its test set."""
    from mmengine.config import ConfigDict

    if 'tta_model' not in cfg or 'tta_pipeline' not in cfg:
        raise ValueError('--tta needs tta_model and tta_pipeline in the config')
    dataset = cfg.test_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    dataset.pipeline = cfg.tta_pipeline
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)


def run(arguments: argparse.Namespace) -> None:
    """Evaluate."""
    with one_line_errors(arguments.verbose, USAGE_ERROR):
        cfg = read_config(arguments)
        apply_flags(cfg, arguments)
        report_annotations(cfg, ('test_dataloader', ))
    if is_predictions(arguments.checkpoint):
        from imbdet.evaluation.saved_predictions import evaluate_predictions
        evaluate_predictions(cfg, arguments.checkpoint)
        return
    runner = build_runner(cfg)
    if arguments.out is not None:
        runner.test_evaluator.metrics.append(dump_metric(arguments.out, runner))
    runner.test()
