"""Import of ``mmcv._ext``: the compiled file if it exists, else :mod:`imbdet.mmcv_ops.extension`."""

import importlib
import importlib.abc
import importlib.util
import sys
import types
from collections.abc import Sequence
from importlib.machinery import ModuleSpec

NAME = 'mmcv._ext'
ORIGIN = 'imbdet.mmcv_ops'
"""Origin in the module's spec, which distinguishes it from a compiled one."""


class OpsFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``mmcv._ext`` if no other finder does. It is the last finder, so that a compiled mmcv has precedence."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None,
                  target: types.ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of ``mmcv._ext``, and None for any other module."""
        return ModuleSpec(fullname, self, origin=ORIGIN) if fullname == NAME else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Let Python create the empty module."""

    def exec_module(self, module: types.ModuleType) -> None:
        """Fill the module with the operations."""
        importlib.import_module('imbdet.mmcv_ops.extension').fill(module)


def install() -> None:
    """Make ``mmcv._ext`` importable. Further calls have no effect."""
    if not any(isinstance(finder, OpsFinder) for finder in sys.meta_path):
        sys.meta_path.append(OpsFinder())


def is_compiled(spec: ModuleSpec | None) -> bool:
    """Return whether a spec of ``mmcv._ext`` belongs to a compiled file instead of :mod:`imbdet.mmcv_ops`.

    Args:
        spec: ``mmcv._ext.__spec__``, or the result of ``importlib.util.find_spec``.
    """
    return spec is not None and spec.origin != ORIGIN


def ops_in_use() -> str:
    """Describe which implementation of mmcv's operations this process uses. This imports ``mmcv``.

    Returns:
        One line.

    Raises:
        ImportError: If mmcv is missing, or its compiled file does not match the installed torch.
    """
    module = importlib.import_module(NAME)
    if not is_compiled(module.__spec__):
        torchvision = importlib.import_module('torchvision')
        return (f"mmcv's operations: imbdet.mmcv_ops, with torchvision {torchvision.__version__} and torch, since this mmcv "
                'has no compiled ones')
    return f"mmcv's operations: compiled ({module.__file__})"
