"""Config loading and runner construction, shared by training and testing."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from imbdet.cli.arguments import parse_options

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner


def load_config(path: str | Path) -> 'Config':
    """Load a config file.

    Args:
        path: The file.

    Returns:
        The config.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it cannot be read, with mmengine's message.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'config not found: {path}')
    from mmengine.config import Config

    try:
        return Config.fromfile(path)
    except Exception as error:  # whatever the file's own code raises; mmengine does not name the file
        # For custom_imports, mmengine reports where it searched, but not what is missing: the first cause does.
        errors = dict.fromkeys([_first_cause(error), error])
        reason = ', hence '.join(f'{type(each).__name__}: {each}' for each in errors)
        raise ValueError(f'{path} (or one of its bases) cannot be read: {reason}') from error


def _first_cause(error: BaseException) -> BaseException:
    """Return the first error of a chain."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


def read_config(arguments: argparse.Namespace) -> 'Config':
    """Read the config and apply the common flags.

    The work directory is the first of: ``--work-dir``, the config's ``work_dir``, ``work_dirs/`` plus the config's name.

    Args:
        arguments: Parsed flags with ``config``.

    Returns:
        The config.

    Raises:
        FileNotFoundError: If the config does not exist.
        ValueError: If it or an option cannot be read, with mmengine's message.
    """
    cfg = load_config(arguments.config)
    cfg.launcher = arguments.launcher
    os.environ.setdefault('LOCAL_RANK', str(arguments.local_rank))
    if arguments.cfg_options is not None:
        cfg.merge_from_dict(parse_options(arguments.cfg_options))
    if arguments.work_dir is not None:
        cfg.work_dir = arguments.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = os.path.join('work_dirs', Path(arguments.config).stem)
    return cfg


def build_runner(cfg: 'Config') -> 'Runner':
    """Build the runner that a config describes, and log which of mmcv's operations it uses.

    Args:
        cfg: An mmdet config.

    Returns:
        mmengine's Runner, or the one that ``runner_type`` names.
    """
    from mmdet.utils import setup_cache_size_limit_of_dynamo
    from mmengine.device import get_device
    from mmengine.dist import is_main_process
    from mmengine.registry import RUNNERS
    from mmengine.runner import Runner

    from imbdet.cli.gloo import init_gloo
    from imbdet.mmcv_ops import ops_in_use

    setup_cache_size_limit_of_dynamo()  # as mmdet's tools do, for configs that compile the model
    if cfg.get('launcher') == 'pytorch' and get_device() == 'cpu':
        init_gloo()
        if cfg.get('model_wrapper_cfg') is None:  # like mmengine's default, which requires a GPU per process
            cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False,
                                         find_unused_parameters=cfg.get('find_unused_parameters', False))
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    if is_main_process():
        runner.logger.info(ops_in_use())
    return runner


def report_annotations(cfg: 'Config', loaders: tuple[str, ...]) -> None:
    """Check the annotation files of a config and print what mmdet would drop silently.

    Args:
        cfg: An mmdet config.
        loaders: Names of the dataloaders to check.
    """
    from imbdet.data import check_config

    reports = check_config(cfg, loaders)  # on every rank: an error ends all of them
    if os.environ.get('RANK', '0') == '0':
        for report in reports:
            for line in report.warnings():
                print(f'imbdet: warning: {line}', file=sys.stderr)
