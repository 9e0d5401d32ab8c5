"""One-line errors on standard error, with the traceback in the log file."""

import contextlib
import logging
import sys
import traceback
import warnings
from collections.abc import Iterator

from imbdet import installation
from imbdet.cli.did_you_mean import error_hint, error_text

USAGE_ERROR = 2
RUN_ERROR = 1


@contextlib.contextmanager
def one_line_errors(verbose: bool, code: int) -> Iterator[None]:
    """Report an error of the block in one line on standard error, and exit.

    The traceback is written to the log file, if the run has opened one.

    Args:
        verbose: Whether to raise the error instead, with its traceback.
        code: Exit code: ``USAGE_ERROR`` while files and configs are read, ``RUN_ERROR`` after that.

    Raises:
        SystemExit: For any error of the block.
    """
    try:
        yield
    except Exception as error:
        if verbose:
            raise
        name, message = describe(error)
        log = _write_traceback()
        hint = f'traceback in {log}' if log else '--verbose shows the traceback'
        print(f'imbdet: error: {name}: {message} ({hint})', file=sys.stderr)
        raise SystemExit(code) from None


@contextlib.contextmanager
def one_line_warnings() -> Iterator[None]:
    """Print the warnings of the block that are about annotations in one line on standard error, and others as always."""
    show_other = warnings.showwarning

    def show(message, category, *place, **keys):
        if category.__name__ == 'AnnotationWarning':  # not imported: it needs packages that the doctor may find missing
            print(f'imbdet: warning: {message}', file=sys.stderr)
        else:
            show_other(message, category, *place, **keys)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = show_other


def describe(error: Exception) -> tuple[str, str]:
    """Return the name of an error and its message.

    Args:
        error: A raised error.

    Returns:
        The name of its class, and its message in one line with hints; of a bare assertion its line and file.
    """
    if isinstance(error, ImportError) and not isinstance(error, installation.InstallationError):
        try:  # a missing mmdet is only noticed when something imports it
            installation.check_packages()
        except installation.InstallationError as cause:
            error = cause
    message = error_text(error) + error_hint(error)
    if not message:  # a bare assertion
        frame = traceback.extract_tb(error.__traceback__)[-1]
        message = f'{frame.line} failed in {frame.filename}, line {frame.lineno}'
    return type(error).__name__, message


def _write_traceback() -> str | None:
    """Write the current error to the run's log file; return its path, or None without one."""
    if 'mmengine.logging' not in sys.modules:
        return None
    from mmengine.logging import MMLogger

    for handler in MMLogger.get_current_instance().handlers:
        if isinstance(handler, logging.FileHandler):
            record = logging.LogRecord('imbdet', logging.ERROR, __file__, 0, traceback.format_exc(), None, None)
            handler.emit(record)
            return handler.baseFilename
    return None
