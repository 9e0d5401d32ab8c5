"""Arguments shared by verbs and scripts. Parsing a command line imports neither torch nor mmengine."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from imbdet.cli.errors import RUN_ERROR, one_line_errors


def add_verbose(parser: argparse.ArgumentParser) -> None:
    """Add ``--verbose``.

    Args:
        parser: Parser to add it to.
    """
    parser.add_argument('--verbose', action='store_true', help='show the full traceback of an error')


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that mmdet's train.py and test.py share.

    Args:
        parser: Parser to add them to.
    """
    parser.add_argument('--work-dir', help='folder to save logs, checkpoints and results in')
    parser.add_argument('--cfg-options', nargs='+', action='extend', metavar='KEY=VALUE',
                        help='override settings of the config: key=value pairs, such as train_dataloader.batch_size=4')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def parse_options(options: Sequence[str]) -> dict[str, Any]:
    """Read ``key=value`` pairs as mmdet's tools do.

    Args:
        options: The pairs, such as ``train_dataloader.batch_size=4`` or ``a=[1,2]``.

    Returns:
        The values by key.

    Raises:
        ValueError: If an option has no equals sign.
    """
    from mmengine.config import DictAction

    for option in options:
        if '=' not in option:
            raise ValueError(f'--cfg-options must be key=value pairs, got {option!r}')
    namespace = argparse.Namespace(options=None)
    DictAction([], 'options', nargs='+')(argparse.ArgumentParser(), namespace, list(options))
    return namespace.options


def run_tool(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], None]) -> None:
    """Parse the command line of a script without verbs, and run it.

    Args:
        parser: Its arguments; ``--verbose`` is added.
        run: Function that is called with the parsed arguments.

    Raises:
        SystemExit: If the arguments are wrong or ``run`` fails, after one line on standard error.
    """
    add_verbose(parser)
    arguments = parser.parse_args()
    with one_line_errors(arguments.verbose, RUN_ERROR):
        run(arguments)
