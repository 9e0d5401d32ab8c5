"""Hints for errors of mmengine and PyTorch: similar names ("did you mean"), and errors of worker processes in one line."""

import difflib
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.registry import Registry

UNKNOWN_ARGUMENT = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
UNKNOWN_NAME = re.compile(r'(\S+) is not in the \S+?::(.+?) registry')


def error_text(error: BaseException) -> str:
    """Return an error's message in one line, without the traceback that PyTorch adds to errors of worker processes.

    Args:
        error: The error.
    """
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    if 'Original Traceback' in text:
        lines = text.rstrip().splitlines()
        last_frame = max(index for index, line in enumerate(lines) if line.startswith((' ', 'Original Traceback')))
        text = re.sub(rf'^[\w.]*\b{type(error).__name__}: ', '', '\n'.join(lines[last_frame + 1:]))
    return ' '.join(text.split())


def error_hint(error: BaseException) -> str:
    """Suggest a similar name for an unknown name in a config.

    Args:
        error: An error with its traceback.

    Returns:
        ``"; did you mean 'threshold'?"``, or an empty string if nothing is similar or the error is of another type.
    """
    text = error_text(error)
    if argument := UNKNOWN_ARGUMENT.search(text):
        class_name, unknown = argument.groups()
        known = _arguments([*_registered(class_name), *_being_built(error.__traceback__, class_name)])
    elif name := UNKNOWN_NAME.search(text):
        unknown, registry_name = name.groups()
        known = {key for registry in _registries() if registry.name == registry_name for key in registry.module_dict}
    elif type(error).__name__ == 'URLError':
        return '; pretrained weights cannot be downloaded: set checkpoint of init_cfg to a local file, or init_cfg=None'
    elif 'imdecode' in text:  # OpenCV does not report the file name
        return '; an image file is empty: add CheckImagesHook to custom_hooks to find it'
    else:
        return ''
    return nearest_hint(unknown, known)


def nearest_hint(unknown: str, known: Iterable[str]) -> str:
    """Suggest the most similar of some names.

    Args:
        unknown: The unknown name.
        known: The known names.

    Returns:
        ``"; did you mean 'train'?"``, or an empty string if nothing is similar.
    """
    near = difflib.get_close_matches(unknown, list(known), n=1)
    return f'; did you mean {near[0]!r}?' if near else ''


def _registries() -> Iterator['Registry']:
    """Yield the registries of mmdet and mmengine, if imported: only they build from a config."""
    if 'mmengine.registry' in sys.modules:
        from mmengine.registry import Registry
        for name in ('mmdet.registry', 'mmengine.registry'):
            yield from (value for value in vars(sys.modules.get(name, object)).values() if isinstance(value, Registry))


def _registered(class_name: str) -> Iterator[type]:
    """Yield the registered classes with a name."""
    for registry in _registries():
        found = registry.module_dict.get(class_name)
        if inspect.isclass(found):
            yield found


def _being_built(traceback: TracebackType | None, class_name: str) -> Iterator[type]:
    """Yield the classes whose ``__init__`` is in the traceback: a class passes unknown arguments on to its base."""
    while traceback is not None:
        kind = type(traceback.tb_frame.f_locals.get('self'))
        if traceback.tb_frame.f_code.co_name == '__init__' and class_name in {base.__name__ for base in kind.__mro__}:
            yield kind
        traceback = traceback.tb_next


def _arguments(kinds: Iterable[type]) -> set[str]:
    """List the keyword arguments of classes and their bases."""
    inits = {vars(base)['__init__'] for kind in kinds for base in kind.__mro__ if '__init__' in vars(base)}
    return {parameter.name for init in inits if inspect.isfunction(init)
            for parameter in inspect.signature(init).parameters.values()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)} - {'self'}
