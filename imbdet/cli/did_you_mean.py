"""What the errors of mmengine and PyTorch leave unsaid: the name that was meant, and what happened in another process."""

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
    """Return what an error says in one line, without the traceback that PyTorch puts into those of worker processes.

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
    """Say which name may have been meant where a config has one that does not exist.

    Args:
        error: An error with its traceback.

    Returns:
        ``"; did you mean 'threshold'?"``, or empty if nothing is near or the error is another one.
    """
    text = error_text(error)
    if argument := UNKNOWN_ARGUMENT.search(text):
        class_name, unknown = argument.groups()
        known = _arguments([*_registered(class_name), *_being_built(error.__traceback__, class_name)])
    elif name := UNKNOWN_NAME.search(text):
        unknown, registry_name = name.groups()
        known = {key for registry in _registries() if registry.name == registry_name for key in registry.module_dict}
    elif 'imdecode' in text:  # OpenCV does not know the file's name
        return '; an image file is empty: CheckImagesHook among the custom_hooks says which'
    else:
        return ''
    return nearest_hint(unknown, known)


def nearest_hint(unknown: str, known: Iterable[str]) -> str:
    """Say which of some names may have been meant.

    Args:
        unknown: The name that does not exist.
        known: Those that do.

    Returns:
        ``"; did you mean 'train'?"``, or empty if nothing is near.
    """
    near = difflib.get_close_matches(unknown, list(known), n=1)
    return f'; did you mean {near[0]!r}?' if near else ''


def _registries() -> Iterator['Registry']:
    """Yield mmdet's and mmengine's registries, if they have been imported: nothing else builds from a config."""
    if 'mmengine.registry' in sys.modules:
        from mmengine.registry import Registry
        for name in ('mmdet.registry', 'mmengine.registry'):
            yield from (value for value in vars(sys.modules.get(name, object)).values() if isinstance(value, Registry))


def _registered(class_name: str) -> Iterator[type]:
    """Yield the registered classes of a name."""
    for registry in _registries():
        found = registry.module_dict.get(class_name)
        if inspect.isclass(found):
            yield found


def _being_built(traceback: TracebackType | None, class_name: str) -> Iterator[type]:
    """Yield the classes in whose ``__init__`` an error arose: a class hands arguments that it does not know to its base."""
    while traceback is not None:
        kind = type(traceback.tb_frame.f_locals.get('self'))
        if traceback.tb_frame.f_code.co_name == '__init__' and class_name in {base.__name__ for base in kind.__mro__}:
            yield kind
        traceback = traceback.tb_next


def _arguments(kinds: Iterable[type]) -> set[str]:
    """List the arguments that classes and their bases take by name."""
    inits = {vars(base)['__init__'] for kind in kinds for base in kind.__mro__ if '__init__' in vars(base)}
    return {parameter.name for init in inits if inspect.isfunction(init)
            for parameter in inspect.signature(init).parameters.values()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)} - {'self'}
