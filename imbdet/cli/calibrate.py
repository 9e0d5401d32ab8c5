"""``imbdet calibrate CONFIG CHECKPOINT --method norcal --out NEW.pth``: calibrate a trained detector for the long tail.

The class logits are shifted by how often each class occurs in the training set of the config, which is written into the bias
of the classification layers. The new checkpoint is used like the old one, with the same config, and costs nothing at inference.
``--undo`` takes the calibration out again.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imbdet.cli.arguments import parse_options
from imbdet.cli.calibrate_fit import add_fit_arguments, candidates, fit
from imbdet.cli.errors import USAGE_ERROR, one_line_errors
from imbdet.cli.runs import load_config

if TYPE_CHECKING:
    from mmengine.config import Config

    from imbdet.calibration import Calibration

EPILOG = """
Methods, with what they add to the logit of class c, which n_c of N training images contain:
  norcal            -tau ln n_c; backgrounds gain. tau is 0.6 if not given
  logit-adjustment  -tau ln(n_c / N); tau is 1 if not given
  fracal            -log(n_c C / N) - lam ln(fractal dimension of its box centers); base 10 and lam 2 if not given
  logn              normalizes each logit by its mean and deviation over the training images, which are seen once

The strength is to be chosen on images that are neither trained nor evaluated on: --fit ANN.json tries several, of which the
one with the highest AP is written, and reports all in work_dirs/calibration (--report). --tau, --base, --lam and --k then take
several values.

Class statistics are written next to the new checkpoint, as NEW.json; --statistics and LogitShiftHook(statistics=...) read them.
"""
SETTINGS = ('tau', 'base', 'lam', 'k', 'counts')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.epilog = EPILOG
    parser.add_argument('config', help='config that was trained')
    parser.add_argument('checkpoint', type=Path, help='its checkpoint')
    parser.add_argument('--out', type=Path, required=True, metavar='NEW.pth', help='calibrated checkpoint to write')
    parser.add_argument('--method', choices=['norcal', 'logit-adjustment', 'fracal', 'logn'], help='calibration method')
    parser.add_argument('--tau', type=float, nargs='+', help='strength of norcal and logit-adjustment, at least 0')
    parser.add_argument('--base', type=float, nargs='+', help='base of the logarithm of fracal, above 1; 2 is stronger than 10')
    parser.add_argument('--lam', type=float, nargs='+', help='strength of the fractal dimension in fracal, at least 0')
    parser.add_argument('--k', type=float, nargs='+', help='added to all class logits besides (default: 0)')
    parser.add_argument('--counts', choices=['images', 'boxes'], help='what is counted of each class (default: images)')
    parser.add_argument('--statistics', type=Path, metavar='FILE.json',
                        help='class statistics of an earlier run, instead of reading the training set')
    parser.add_argument('--undo', action='store_true', help='take the calibration out of the checkpoint')
    parser.add_argument('--cfg-options', nargs='+', action='extend', metavar='KEY=VALUE',
                        help='override settings of the config: key=value pairs')
    add_fit_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the calibrated checkpoint."""
    with one_line_errors(arguments.verbose, USAGE_ERROR):
        calibrations = read_settings(arguments)
        checkpoint = read_checkpoint(arguments.checkpoint)
        cfg = load_config(arguments.config)
        cfg.merge_from_dict(parse_options(arguments.cfg_options or []))
    if not calibrations:
        from imbdet.calibration import undo_calibration
        write_checkpoint(arguments.out, undo_calibration(checkpoint))
        print(f'wrote {arguments.out}, without calibration')
        return
    calibrate(cfg, checkpoint, calibrations, arguments)


def read_settings(arguments: argparse.Namespace) -> 'list[Calibration]':
    """Return the calibrations that the flags describe: several with ``--fit``; none for ``--undo``.

    Raises:
        ValueError: If flags contradict each other, or a setting is out of range.
    """
    from imbdet.calibration import Calibration

    if arguments.out.suffix != '.pth':
        raise ValueError(f'--out must end in .pth, got {arguments.out}')
    if arguments.out.exists() and arguments.out.samefile(arguments.checkpoint):
        raise ValueError(f'--out must be another file than the checkpoint, got {arguments.out} for both')
    given = {name: getattr(arguments, name) for name in SETTINGS if getattr(arguments, name) is not None}
    if arguments.undo:
        unfit = [f'--{name}' for name in (*(('method', ) if arguments.method else ()), *given)]
        if arguments.statistics or arguments.fit:
            unfit += ['--statistics'] if arguments.statistics else ['--fit']
        if unfit:
            raise ValueError(f'{", ".join(unfit)} cannot be used with --undo')
        return []
    if arguments.method is None:
        raise ValueError('--method is required: norcal, logit-adjustment, fracal or logn; or --undo')
    if arguments.fit is not None:
        return candidates(arguments.method, given)
    several = [f'--{name}' for name, values in given.items() if isinstance(values, list) and len(values) > 1]
    if several:
        raise ValueError(f'{", ".join(several)} can have several values only with --fit')
    return [Calibration(arguments.method, **{name: values[0] if isinstance(values, list) else values
                                             for name, values in given.items()})]


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it is cut off.
    """
    import mmengine.logging  # noqa: F401  imbdet.compat lets torch read what it stores in checkpoints
    import torch

    from imbdet.cli.resume import check_complete

    if not path.is_file():
        raise FileNotFoundError(f'checkpoint not found: {path}')
    check_complete(str(path))
    return torch.load(path, map_location='cpu', weights_only=True)


def write_checkpoint(path: Path, checkpoint: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all."""
    import torch

    from imbdet.files import atomic_write

    with atomic_write(path) as temporary:
        torch.save(checkpoint, temporary)


def calibrate(cfg: 'Config', checkpoint: dict[str, Any], calibrations: 'list[Calibration]',
              arguments: argparse.Namespace) -> None:
    """Calibrate a checkpoint, with the best calibration of several, and write it with the class statistics.

    Raises:
        ValueError: If the detector cannot be calibrated, or is already.
    """
    from imbdet.calibration import calibrate_checkpoint, calibrated_layers, write_statistics
    from imbdet.calibration.calibration_warnings import calibration_warnings
    from imbdet.calibration.detection_limit import detections_per_image
    from imbdet.calibration.expectation import expectation
    from imbdet.cli.calibration_statistics import build_detector, find_statistics

    detector = build_detector(cfg)
    statistics = find_statistics(cfg, detector, checkpoint, calibrations[0].method, arguments.statistics)
    calibration = calibrations[0]
    if arguments.fit is not None:
        chosen = fit(cfg, detector, checkpoint, calibrations, statistics, arguments)
        if chosen is None:
            return
        calibration = chosen
    layers = calibrated_layers(detector, calibration, statistics)
    calibrated = calibrate_checkpoint(checkpoint, calibration, layers)
    for line in calibration_warnings(detector, calibration, layers):
        print(f'imbdet: warning: {line}', file=sys.stderr)
    print(f'{calibration}; on {", ".join(each.layer.name for each in layers)}')
    if calibration.method != 'logn':
        shift = layers[0].shift
        order = shift.argsort().tolist()
        print('shift of ' + ', '.join(f'{statistics.names[c]} {shift[c]:+.2f}' for c in dict.fromkeys([order[0], order[-1]])))
    print('To expect: '
          + expectation([each.layer for each in layers], len(statistics.names), detections_per_image(detector)))
    write_checkpoint(arguments.out, calibrated)
    write_statistics(arguments.out.with_suffix('.json'), statistics)
    print(f'wrote {arguments.out} and {arguments.out.with_suffix(".json")}')
