"""Safe replacements for non-tensor objects in mmengine's checkpoints; they rebuild what mmengine stores and reject the rest.

With ``weights_only``, the file determines how torch.load calls allow-listed objects, with which arguments and which state. The
originals were not written for hostile callers:

* ``getattr`` reaches ``exec``.
* A HistoryBuffer takes any attributes, registers any statistics for the whole process and calls numpy. With
  ``__array_interface__`` numpy copies memory at any address, and with ``as_subclass`` torch changes its own classes.
* ``numpy.ndarray`` takes the addresses of objects from bytes, shows memory that was not cleared, and frees memory that a
  tensor still uses if its state is set twice. ``numpy.dtype`` and ``_reconstruct`` make arrays of objects, of any size.

Therefore the file gets these replacements. Each checks all its input, and none returns an object that the file could change or
call with arbitrary arguments.
"""

import functools
import math
import pickle
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

NUMBERS = ('b1', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8')
"""The accepted dtypes, as numpy names them in pickles."""

STATISTICS = ('min', 'max', 'current', 'mean')
"""The methods of HistoryBuffer that mmengine stores with each buffer."""


def refuse(found: str) -> NoReturn:
    """Raise the error for a checkpoint with content that mmengine does not write.

    Args:
        found: The unexpected content.

    Raises:
        pickle.UnpicklingError: Always.
    """
    raise pickle.UnpicklingError(f'{found} in the checkpoint: mmengine does not store this, so imbdet does not load it')


def named(path: str) -> Callable:
    """Return a decorator that sets the name under which torch looks up a class or function of the file.

    torch's allow-list accepts names with objects only since 2.6; before, an object is found under its own name.

    Args:
        path: Module and name, such as ``'builtins.getattr'``.
    """
    def rename(target: Any) -> Any:
        target.__module__, _, target.__name__ = path.rpartition('.')
        target.__qualname__ = target.__name__
        return target

    return rename


@named('numpy.dtype')
class StoredDtype:
    """A numpy dtype of plain numbers. numpy's own would take item sizes, flags and fields from the file."""

    kind: str
    dtype: np.dtype | None = None  # None until the state is set

    def __new__(cls, kind: Any, align: Any, copy: Any) -> 'StoredDtype':  # noqa: D102
        if type(kind) is not str or kind not in NUMBERS:
            refuse('a numpy dtype other than of plain numbers')
        self = super().__new__(cls)
        self.kind = kind
        return self

    def __setstate__(self, state: Any) -> None:
        order = state[1] if type(state) is tuple and len(state) == 8 else None
        if type(order) is not str or order not in ('<', '>', '|') or state != (3, order, None, None, None, -1, -1, 0):
            refuse('a numpy dtype other than of plain numbers')
        self.dtype = np.dtype(order + self.kind)


@named('numpy.ndarray')
class StoredArray(np.ndarray):
    """A numpy array of plain numbers; it is pickled as a plain array."""

    __slots__ = ()

    def __new__(cls, *args: Any, **kwargs: Any) -> 'StoredArray':  # noqa: D102
        refuse('a numpy array made of arguments')

    def __setstate__(self, state: Any) -> None:  # type: ignore[override]
        if self.size:  # a tensor may share the memory, which numpy would free
            refuse('a numpy array that is filled twice')
        if type(state) is not tuple or len(state) != 5:
            refuse('a numpy array of unknown format')
        version, shape, dtype, in_fortran_order, data = state
        if version != 1 or type(in_fortran_order) is not bool or type(shape) is not tuple:
            refuse('a numpy array of unknown format')
        if not all(type(length) is int and length >= 0 for length in shape):
            refuse('a numpy array of unknown shape')
        number_type = _number_type(dtype, data, math.prod(shape))
        super().__setstate__((1, shape, number_type, in_fortran_order, data))  # type: ignore[arg-type]  # a bool of Python, too

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.view(np.ndarray).__reduce_ex__(protocol)


def _number_type(dtype: Any, data: Any, count: int) -> np.dtype:
    """Return the numpy dtype of ``count`` numbers, after checking that the bytes hold exactly that many."""
    if type(dtype) is not StoredDtype or dtype.dtype is None:
        refuse('numbers without a numpy dtype')
    if type(data) is not bytes or len(data) != count * dtype.dtype.itemsize:
        refuse(f'{dtype.dtype} numbers of the wrong length')
    return dtype.dtype


def _reconstruct(array_type: Any, shape: Any, typecode: Any) -> StoredArray:
    """Return an empty array to be filled, like numpy's function of this name."""
    if array_type is not StoredArray or shape != (0,) or typecode != b'b':
        refuse('a numpy array of unknown format')
    return np.ndarray.__new__(StoredArray, (0,), 'b')


def _encode(text: Any, encoding: Any) -> bytes:
    """Return the bytes that pickle wrote as text; torch 2.4 does not allow-list this function."""
    if type(text) is not str or encoding != 'latin1':
        refuse('text in another encoding than latin1')
    return text.encode('latin1')


def _scalar(dtype: Any, data: Any) -> np.generic:
    """Return a number, like numpy's function of this name."""
    return np.frombuffer(data, _number_type(dtype, data, 1))[0]


@named('mmengine.logging.history_buffer.HistoryBuffer')
class StoredHistoryBuffer:
    """Logged values. With its state, an object of this class becomes a HistoryBuffer."""

    def __init__(self, *args: Any) -> None:
        refuse('a HistoryBuffer made of arguments')

    def __setstate__(self, state: Any) -> None:
        from mmengine.logging import HistoryBuffer  # late: this module is needed while mmengine.logging is imported

        if type(state) is not dict or set(state) != {'max_length', '_log_history', '_count_history', 'statistics_methods'}:
            refuse('a HistoryBuffer of unknown attributes')
        max_length, values, counts = state['max_length'], state['_log_history'], state['_count_history']
        if type(max_length) is not int or not type(values) is type(counts) is StoredArray:
            refuse('a HistoryBuffer whose values are not numpy arrays')
        if values.ndim != 1 or values.shape != counts.shape:
            refuse('a HistoryBuffer with other counts than values')
        _check_statistics(state['statistics_methods'], HistoryBuffer._statistics_methods)
        self.__dict__.update(max_length=max_length, _log_history=np.array(values), _count_history=np.array(counts))
        self.__class__ = HistoryBuffer  # type: ignore[assignment]
        self._set_default_statistics()  # type: ignore[attr-defined]


def _check_statistics(methods: Any, registered: dict) -> None:
    """Check that all statistics are registered in this process; all HistoryBuffers share one table."""
    if type(methods) is not dict:
        refuse('a HistoryBuffer of unknown attributes')
    for name, method in methods.items():
        usual = type(name) is str and name in STATISTICS and type(method) is str and method == name
        if not usual and (name not in registered or method is not registered[name]):  # one's own, of register_statistics
            refuse('an unknown statistic of a HistoryBuffer')


@named('mmengine.optim.scheduler.param_scheduler.OneCycleParamScheduler')
class StoredOneCycle:
    """The scheduler that stores which of its two functions is in use."""

    def __new__(cls, *args: Any) -> 'StoredOneCycle':  # noqa: D102
        refuse('a OneCycleParamScheduler made of arguments')


class StoredAnnealing:
    """A function of OneCycleLR, for numbers only: torch's unpickler can call what it has read with any objects of the file.

    Saved again, it is the function itself.
    """

    __slots__ = ('function',)

    def __init__(self, name: str) -> None:
        from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler  # late: it imports mmengine.logging
        self.function = getattr(OneCycleParamScheduler, name)

    def __call__(self, *numbers: Any) -> float:  # noqa: D102
        if not all(isinstance(number, int | float) for number in numbers):
            refuse('a schedule of something else than numbers')
        return self.function(*numbers)

    def __reduce__(self) -> Any:
        from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
        return getattr, (OneCycleParamScheduler, self.function.__name__)


def _getattr(owner: Any, name: Any) -> Any:
    """Return what mmengine stores by ``getattr``: the names of HistoryBuffer's statistics, a function of OneCycleLR."""
    if owner is StoredHistoryBuffer and type(name) is str and name in STATISTICS:
        return name
    if owner is StoredOneCycle and type(name) is str and name in ('_annealing_cos', '_annealing_linear'):
        return StoredAnnealing(name)
    refuse('an attribute of an object')


STAND_INS = [
    StoredDtype, StoredArray, StoredHistoryBuffer, StoredOneCycle,
    *(named(path)(functools.partial(function)) for path, function in (
        ('builtins.getattr', _getattr),
        ('_codecs.encode', _encode),
        ('numpy.core.multiarray._reconstruct', _reconstruct),  # as numpy 1 writes it
        ('numpy._core.multiarray._reconstruct', _reconstruct),
        ('numpy.core.multiarray.scalar', _scalar),
        ('numpy._core.multiarray.scalar', _scalar)))
]
"""Objects that torch.load may use in a checkpoint of mmengine, in addition to torch's own allow-list."""
