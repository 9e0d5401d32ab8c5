"""The command ``imbdet``: one module per verb, imported only when called."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from functools import partial

import imbdet
from imbdet.cli.arguments import add_verbose
from imbdet.cli.did_you_mean import nearest_hint
from imbdet.cli.errors import RUN_ERROR, USAGE_ERROR, one_line_errors, one_line_warnings

__all__ = ['VERBS', 'main', 'run_verb']

VERBS = {
    'train': 'Train a detector',
    'test': 'Test (and evaluate) a detector',
    'report': 'Report how imbalanced a data set is, and what to do about it',
    'fix': 'Fix the faults of an annotation file',
    'split': 'Split an annotation file into training and validation images, each class in both',
    'longtail': 'Thin an annotation file to a long tail, for experiments',
    'compare': 'Compare results of detectors by class frequency',
    'grid': 'Train a grid of configs x seeds, or merge its results, and report them',
    'calibrate': 'Calibrate a trained detector for the long tail: checkpoint in, checkpoint out',
    'thresholds': 'Choose the score threshold of each class, for deployment',
    'likelihoods': 'Compute the likelihood of the appearance of each training image',
    'export': 'Extract the detector from a ModalityAgnosticDetector',
    'quickstart': 'Make the sample data set, then train, evaluate and draw: a complete run in minutes',
    'doctor': 'Check the installation, or a config with its data, and print how to fix problems',
}
"""What each verb does. The module of its name has ``add_arguments(parser)`` and ``run(arguments)``."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command ``imbdet``.

    Args:
        arguments: Arguments after ``imbdet`` on the command line. None: those of this process.

    Raises:
        SystemExit: If the arguments are wrong or the verb fails, after one line on standard error.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    completing = os.environ.get('COMP_LINE', '').split()[1:] if '_ARGCOMPLETE' in os.environ else None
    words = arguments if completing is None else completing
    verb = next((word for word in words if not word.startswith('-')), None)
    parser = _parser(verb)
    if completing is not None:  # only set by the shell function of argcomplete
        import argcomplete
        argcomplete.autocomplete(parser)
    if verb is not None and verb not in VERBS:
        hint = nearest_hint(verb, VERBS) or '.'
        print(f'imbdet: error: unknown verb {verb!r}{hint} The verbs are {", ".join(VERBS)}', file=sys.stderr)
        raise SystemExit(USAGE_ERROR)
    parsed = parser.parse_args(arguments)
    if verb is None:
        parser.print_help()
        raise SystemExit(USAGE_ERROR)
    _run(verb, parsed)


def run_verb(verb: str, arguments: Sequence[str] | None = None) -> None:
    """Run a single verb from a script such as ``tools/train.py``.

    Args:
        verb: One of ``VERBS``.
        arguments: Arguments of the verb. None: those of this process.

    Raises:
        SystemExit: If the arguments are wrong or the verb fails, after one line on standard error.
    """
    parser = argparse.ArgumentParser(description=VERBS[verb], formatter_class=argparse.RawDescriptionHelpFormatter)
    _add_arguments(verb, parser)
    _run(verb, parser.parse_args(arguments))


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """Make the parser of all verbs, with the arguments of the chosen one only, so that the others are not imported."""
    parser = argparse.ArgumentParser(prog='imbdet', description='Train object detectors on imbalanced data with mmdet',
                                     formatter_class=partial(argparse.HelpFormatter, max_help_position=18))
    parser.add_argument('--version', action='version', version=f'imbdet {imbdet.__version__}')
    verbs = parser.add_subparsers(title='verbs', metavar='VERB', help="'imbdet VERB --help' shows its arguments")
    for verb, text in VERBS.items():
        subparser = verbs.add_parser(verb, help=text, description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
        if verb == chosen:
            _add_arguments(verb, subparser)
    return parser


def _add_arguments(verb: str, parser: argparse.ArgumentParser) -> None:
    importlib.import_module(f'imbdet.cli.{verb}').add_arguments(parser)
    add_verbose(parser)


def _run(verb: str, arguments: argparse.Namespace) -> None:
    with one_line_errors(arguments.verbose, RUN_ERROR), one_line_warnings():
        importlib.import_module(f'imbdet.cli.{verb}').run(arguments)
