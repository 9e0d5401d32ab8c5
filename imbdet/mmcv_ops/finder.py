"""The import of ``mmcv._ext``: the compiled file where there is one, else :mod:`imbdet.mmcv_ops.extension`."""

import importlib
import importlib.abc
import importlib.util
import sys
import types
from collections.abc import Sequence
from importlib.machinery import ModuleSpec

NAME = 'mmcv._ext'
ORIGIN = 'imbdet.mmcv_ops'
"""Where the module's spec says it comes from, which tells it from a compiled one."""


class OpsFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``mmcv._ext`` where no other finder does. It stands last, so that a compiled mmcv comes first."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None,
                  target: types.ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of ``mmcv._ext``, and None for any other module."""
        return ModuleSpec(fullname, self, origin=ORIGIN) if fullname == NAME else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python to make the empty module."""

    def exec_module(self, module: types.ModuleType) -> None:
        """Fill the module with the operations."""
        importlib.import_module('imbdet.mmcv_ops.extension').fill(module)


def install() -> None:
    """Let ``mmcv._ext`` be found. Doing it twice is doing it once."""
    if not any(isinstance(finder, OpsFinder) for finder in sys.meta_path):
        sys.meta_path.append(OpsFinder())


def is_compiled(spec: ModuleSpec | None) -> bool:
    """Return whether a spec of ``mmcv._ext`` is that of a compiled file, and not of :mod:`imbdet.mmcv_ops`.

    Args:
        spec: ``mmcv._ext.__spec__``, or what ``importlib.util.find_spec`` found.
    """
    return spec is not None and spec.origin != ORIGIN


def ops_in_use() -> str:
    """Say which implementation of mmcv's operations this process uses; ``mmcv`` is imported for it.

    Returns:
        One line.

    Raises:
        ImportError: If mmcv is missing, or its compiled file does not fit the installed torch.
    """
    module = importlib.import_module(NAME)
    if not is_compiled(module.__spec__):
        torchvision = importlib.import_module('torchvision')
        return (f"mmcv's operations: imbdet.mmcv_ops, by torchvision {torchvision.__version__} and torch, since this mmcv has "
                'none compiled')
    return f"mmcv's operations: compiled ({module.__file__})"
