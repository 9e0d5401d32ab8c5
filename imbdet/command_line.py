"""Moved to :mod:`imbdet.cli`; these names stay here for one minor release."""

from imbdet.cli.arguments import add_common_arguments, run_tool
from imbdet.cli.errors import RUN_ERROR, USAGE_ERROR, one_line_errors
from imbdet.cli.runs import build_runner, load_config, read_config, report_annotations

__all__ = [
    'RUN_ERROR', 'USAGE_ERROR', 'add_common_arguments', 'build_runner', 'load_config', 'one_line_errors', 'read_config',
    'report_annotations', 'run_tool'
]
