"""``imbdet calibrate --fit ANN.json``: the strength of a calibration, chosen on held-out images."""

import argparse
import contextlib
import io
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.model import BaseModel
    from torch.utils.data import DataLoader

    from imbdet.calibration import CalibratedLayer, Calibration, ClassStatistics
    from imbdet.classes import GroupLimits

GRIDS = {
    'norcal': dict(tau=[0.1, 0.2, 0.4, 0.6, 0.8, 1.0], k=[0.0, 2.0, 4.0]),
    'logit-adjustment': dict(tau=[0.1, 0.2, 0.4, 0.6, 0.8, 1.0], k=[0.0, -2.0, -4.0]),
    'fracal': dict(base=[10.0, 4.0, 2.0], lam=[0.0, 1.0, 2.0], k=[0.0, -1.0, 1.0]),
    'logn': dict(k=[0.0, -2.0, 2.0]),
}
"""What is tried of each setting that is not given."""


def add_fit_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``--fit``."""
    group = parser.add_argument_group('to choose the strength')
    group.add_argument('--fit', type=Path, metavar='ANN.json',
                       help='annotation file of held-out images, read with the settings of the test set of the config')
    group.add_argument('--fit-images', type=Path, metavar='FOLDER', help='their folder (default: that of the test set)')
    group.add_argument('--by', choices=['AP', 'APr', 'AP_fixed', 'AP_pool'], default='AP',
                       help='metric to choose by (default: %(default)s)')
    group.add_argument('--num-images', type=int, default=2000,
                       help='use this many of the images, drawn at random (default: %(default)s)')
    group.add_argument('--folds', type=int, default=5,
                       help='parts of the images, for the choice on unseen ones (default: %(default)s)')
    group.add_argument('--rare-max', type=int, help="most training images of a rare class (default: that of the config's "
                       'LongTailMetric, 10 without one)')
    group.add_argument('--common-max', type=int, help='of a common class (default: likewise, 100 without one)')
    group.add_argument('--seed', type=int, default=0, help='seed of images and parts (default: %(default)s)')
    group.add_argument('--report', type=Path, default=Path('work_dirs/calibration'), metavar='FOLDER',
                       help='folder of the report (default: %(default)s)')


def candidates(method: str, given: dict[str, Any]) -> 'list[Calibration]':
    """List the calibrations to try.

    Args:
        method: The method.
        given: Settings that were given: lists of values, and ``counts``.

    Returns:
        All combinations.

    Raises:
        ValueError: If a setting is out of range, or not one of the method's.
    """
    from imbdet.calibration import Calibration

    counts = {name: given[name] for name in ('counts', ) if name in given}
    grid = {**GRIDS[method], **{name: values for name, values in given.items() if name not in counts}}
    return [Calibration(method, **dict(zip(grid, values, strict=True)), **counts)  # type: ignore[arg-type]
            for values in itertools.product(*grid.values())]


def worthwhile(calibrations: 'list[Calibration]', layers: 'list[CalibratedLayer]') -> 'list[Calibration]':
    """Leave out what k changes nothing in: all scores move alike where no background competes."""
    has_background = any(each.layer.head.has_background for each in layers)
    return [each for each in calibrations if has_background or not each.k]


def group_limits(cfg: 'Config', rare_max: int | None = None, common_max: int | None = None) -> 'GroupLimits':
    """Return how many training images rare and common classes have.

    Args:
        cfg: The config, whose LongTailMetric has the limits that are not given.
        rare_max: Most of a rare class.
        common_max: Most of a common class.

    Returns:
        The limits.
    """
    from imbdet.classes import GroupLimits

    evaluators = cfg.get('test_evaluator') or cfg.get('val_evaluator') or []
    metric: dict[str, Any] = next((each for each in (evaluators if isinstance(evaluators, list) else [evaluators])
                   if each['type'] == 'LongTailMetric'), {})
    given = {'rare_max': rare_max, 'common_max': common_max}
    return GroupLimits(**{name: metric[name] if value is None else value for name, value in given.items()
                          if value is not None or name in metric})


def fit(cfg: 'Config', detector: 'BaseModel', checkpoint: dict[str, Any], calibrations: 'list[Calibration]',
        statistics: 'ClassStatistics', arguments: argparse.Namespace) -> 'Calibration | None':
    """Try calibrations on held-out images, and report them.

    Returns:
        The best; None if it is none at all.

    Raises:
        ValueError: If no checkpoint can hold such a calibration, or the images cannot be used.
    """
    from mmengine.device import get_device
    from tqdm import tqdm

    from imbdet.calibration import calibrate_checkpoint, calibrated_layers
    from imbdet.calibration.detection_limit import detections_per_image, raised_limit
    from imbdet.calibration.swept_detections import swept_detections
    from imbdet.classes import frequency_groups
    from imbdet.cli.calibration_statistics import load_weights
    from imbdet.evaluation.detections import concatenate
    from imbdet.evaluation.saved_predictions import category_ids
    from imbdet.reports.calibration.sweep import HeldOut, sweep
    from imbdet.reports.calibration.sweep_report import chance_warning, sweep_table, write_sweep_report
    from imbdet.reports.drawing.html_page import text_table

    loader = held_out_loader(cfg, arguments)
    layers = calibrated_layers(detector, calibrations[0], statistics)
    calibrate_checkpoint(checkpoint, calibrations[0], layers)  # an error now, and not after the pass
    if arguments.k is None:
        calibrations = worthwhile(calibrations, layers)
    load_weights(detector, checkpoint)
    settings = [calibrated_layers(detector, each, statistics) for each in calibrations]
    batches = tqdm(loader, unit='batch', desc='held-out images', disable=None)
    with raised_limit(detector, len(statistics.names)):
        found = swept_detections(detector.to(get_device()), batches, [[], *settings])
    names = ['no calibration', *map(str, calibrations)]
    ids = category_ids(loader.dataset)
    detections = {name: concatenate(images, 'bbox', ids) for name, images in zip(names, found, strict=True)}
    groups = frequency_groups(statistics.images, *group_limits(cfg, arguments.rare_max, arguments.common_max))
    images = [image['image_id'] for image in found[0]]
    held_out = HeldOut.of(arguments.fit, ids, groups, images, detections_per_image(detector))
    result = sweep(held_out, detections, arguments.by, arguments.folds, arguments.seed)
    by_name = dict(zip(names[1:], calibrations, strict=True))
    lead = (f'{arguments.checkpoint} with {calibrations[0].method} of {len(calibrations)} strengths, on {len(held_out.images)} '
            f'images of {arguments.fit}.')
    page = write_sweep_report(arguments.report, result, by_name, lead)
    print(text_table(sweep_table(result), len(names) + 1))
    print(f'wrote {page}')
    warning = chance_warning(result)
    if warning:
        print(f'imbdet: warning: {warning}', file=sys.stderr)
    if result.best == 0:
        print(f'No calibration has a higher {arguments.by} than none, so that no checkpoint is written.')
        return None
    return by_name[names[result.best]]


def held_out_loader(cfg: 'Config', arguments: argparse.Namespace) -> 'DataLoader':
    """Build the dataloader of the held-out images.

    Raises:
        FileNotFoundError: If the annotation file or the folder does not exist.
        ValueError: If the config has no test or validation set to take the settings of.
    """
    import numpy as np
    from mmengine.registry import DATASETS
    from mmengine.runner import Runner

    for path in filter(None, (arguments.fit, arguments.fit_images)):
        if not path.exists():
            raise FileNotFoundError(f'{path} not found')
    config = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    if config is None:
        raise ValueError('the config has no test_dataloader, with whose settings the held-out images would be read')
    for name in ('train_dataloader', 'test_dataloader', 'val_dataloader'):
        warn_of_used_images(cfg.get(name), arguments.fit, name)
    dataset_config = dict(config.dataset, ann_file=str(arguments.fit.resolve()), test_mode=True, filter_cfg=None, indices=None)
    if arguments.fit_images is not None:
        dataset_config['data_prefix'] = dict(img=f'{arguments.fit_images.resolve()}/')
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        dataset: Any = DATASETS.build(dataset_config)
    if len(dataset) > arguments.num_images:
        chosen = np.random.default_rng(arguments.seed).choice(len(dataset), arguments.num_images, replace=False)
        dataset.get_subset_(sorted(chosen.tolist()))
    loader = dict(config, dataset=dataset, sampler=dict(type='DefaultSampler', shuffle=False), persistent_workers=False)
    return Runner.build_dataloader(loader)


def warn_of_used_images(config: Any, path: Path, name: str) -> None:
    """Warn if a strength would be chosen on images that are trained or evaluated on."""
    file = config and config.dataset.get('ann_file')
    if file and Path(config.dataset.get('data_root') or '', file).resolve() == path.resolve():
        why = ('the detector knows them by heart, so that scores on them say little' if name == 'train_dataloader' else
               'do not report a result on images on which the strength was chosen')
        print(f'imbdet: warning: {path} is the annotation file of {name}: {why}', file=sys.stderr)
