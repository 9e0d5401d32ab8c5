"""What the command-line tools share: reading configs, checking them, and ending errors in one line."""

import argparse
import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from mmdet.utils import setup_cache_size_limit_of_dynamo
from mmengine.config import Config, DictAction
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from imbdet.annotations import check_config
from imbdet.error_hints import error_hint, error_text
from imbdet.processes import join_processes_on_cpu

USAGE_ERROR = 2
RUN_ERROR = 1


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that mmdet's train.py and test.py share, and ``--verbose``.

    Args:
        parser: Parser to add them to.
    """
    parser.add_argument('--work-dir', help='folder to save logs, checkpoints and results in')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        help='override settings of the config: key=value pairs, such as train_dataloader.batch_size=4')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument('--verbose', action='store_true', help='show the whole traceback of an error')


def load_config(path: str | Path) -> Config:
    """Load a config file.

    Args:
        path: The file.

    Returns:
        The config.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it cannot be read, with what mmengine says of it.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'config not found: {path}')
    try:
        return Config.fromfile(path)
    except Exception as error:  # whatever the file's own code raises; mmengine does not say in which file
        # Of custom_imports mmengine says where it looked, but not what it did not find: the first cause does.
        errors = dict.fromkeys([_first_cause(error), error])
        reason = ', hence '.join(f'{type(each).__name__}: {each}' for each in errors)
        raise ValueError(f'{path}, or a base of it: {reason}') from error


def _first_cause(error: BaseException) -> BaseException:
    """Follow an error to the one that began it."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


def read_config(arguments: argparse.Namespace) -> Config:
    """Read the config and apply the common flags.

    The work directory is, in this order: ``--work-dir``, the config's ``work_dir``, ``work_dirs/`` and the config's name.

    Args:
        arguments: Parsed flags with ``config``.

    Returns:
        The config.

    Raises:
        FileNotFoundError: If the config does not exist.
        ValueError: If it cannot be read, with what mmengine says of it.
    """
    cfg = load_config(arguments.config)
    cfg.launcher = arguments.launcher
    os.environ.setdefault('LOCAL_RANK', str(arguments.local_rank))
    if arguments.cfg_options is not None:
        cfg.merge_from_dict(arguments.cfg_options)
    if arguments.work_dir is not None:
        cfg.work_dir = arguments.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = os.path.join('work_dirs', Path(arguments.config).stem)
    return cfg


def build_runner(cfg: Config) -> Runner:
    """Build the runner that a config describes.

    Args:
        cfg: An mmdet config.

    Returns:
        mmengine's Runner, or the one that ``runner_type`` names.
    """
    setup_cache_size_limit_of_dynamo()  # as mmdet's tools do, for configs that compile the model
    if cfg.get('launcher') == 'pytorch' and get_device() == 'cpu':
        join_processes_on_cpu()
        if cfg.get('model_wrapper_cfg') is None:  # as mmengine's own, which gives each process a GPU
            cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False,
                                         find_unused_parameters=cfg.get('find_unused_parameters', False))
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def report_annotations(cfg: Config, loaders: tuple[str, ...]) -> None:
    """Check the annotation files of a config and print what mmdet would drop silently.

    Args:
        cfg: An mmdet config.
        loaders: Names of the dataloaders to check.
    """
    reports = check_config(cfg, loaders)  # on every rank: an error ends all of them
    if os.environ.get('RANK', '0') == '0':
        for report in reports:
            for line in report.lines():
                print(f'imbdet: warning: {line}', file=sys.stderr)


@contextlib.contextmanager
def one_line_errors(verbose: bool, code: int) -> Iterator[None]:
    """End an error of the block in one line on standard error.

    The traceback is not lost: it goes to the log file, if the run has come so far as to open one.

    Args:
        verbose: Whether to let the error through instead, traceback and all.
        code: Exit code to end with: ``USAGE_ERROR`` while files and configs are read, ``RUN_ERROR`` after that.

    Raises:
        SystemExit: For any error of the block.
    """
    try:
        yield
    except Exception as error:
        if verbose:
            raise
        message = error_text(error) + error_hint(error)
        if not message:  # a bare assertion
            frame = traceback.extract_tb(error.__traceback__)[-1]
            message = f'{frame.line} failed in {frame.filename}, line {frame.lineno}'
        log = _write_traceback()
        hint = f'traceback in {log}' if log else '--verbose shows the traceback'
        print(f'imbdet: error: {type(error).__name__}: {message} ({hint})', file=sys.stderr)
        raise SystemExit(code) from None


def run_tool(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], None]) -> None:
    """Read the command line of a script of one step, and run it.

    Args:
        parser: Its arguments; ``--verbose`` is added.
        run: What it does with them.

    Raises:
        SystemExit: If the arguments are wrong, or for any error of ``run``, which ends in one line.
    """
    parser.add_argument('--verbose', action='store_true', help='show the whole traceback of an error')
    arguments = parser.parse_args()
    with one_line_errors(arguments.verbose, RUN_ERROR):
        run(arguments)


def _write_traceback() -> str | None:
    """Write the current error to the run's log file; return its path, or None without one."""
    for handler in MMLogger.get_current_instance().handlers:
        if isinstance(handler, logging.FileHandler):
            record = logging.LogRecord('imbdet', logging.ERROR, __file__, 0, traceback.format_exc(), None, None)
            handler.emit(record)
            return handler.baseFilename
    return None
