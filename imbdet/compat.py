"""Repairs to what other packages break, each with its reason. Nothing else in imbdet alters a foreign module."""

import functools
import types
from pathlib import Path

CONFIGS = Path(__file__).parent / '.mim' / 'configs'


def apply() -> None:
    """Make all repairs; those that are not needed do nothing."""
    register_configs()
    allow_mmengine_checkpoints()
    keep_checkpoints_from_running_code()
    restore_numpy_float_in_lvis()


def register_configs() -> None:
    """Let ``_base_ = 'imbdet::...'`` find imbdet's configs, and build what stands in them.

    mmengine resolves ``package::`` only for the packages in a fixed table, and not for an editable install, whose place it
    guesses wrong. It also notes the package as the scope of all that comes from such a base, to be built from a registry
    of that scope; imbdet registers its components with mmdet and has none, so their scope is mmdet.
    """
    from mmengine.config import Config
    from mmengine.config.utils import MODULE2PACKAGE

    if 'imbdet' in MODULE2PACKAGE:
        return
    MODULE2PACKAGE['imbdet'] = 'imbdet'
    find_in_other_packages = Config._get_cfg_path

    def find(cfg_path: str, filename: str) -> tuple[str, str | None]:
        package, _, name = cfg_path.partition('::')
        if package != 'imbdet':
            return find_in_other_packages(cfg_path, filename)
        path = CONFIGS / name
        if not path.is_file():
            raise FileNotFoundError(f'{filename}: its base {cfg_path} does not exist; the configs are in {CONFIGS}')
        return str(path), 'mmdet'

    Config._get_cfg_path = staticmethod(find)


def allow_mmengine_checkpoints() -> None:
    """Let a resume read what mmengine stores beside the weights.

    Since 2.6, torch.load reads tensors and plain containers only, unless a class is allow-listed; mmengine 0.10.7 keeps
    its logged values in a HistoryBuffer of numpy arrays. The list below is what that one is pickled as. Files stay
    checked: ``weights_only=False`` would run any code that a checkpoint carries.
    """
    import numpy
    import torch
    from mmengine.logging import HistoryBuffer

    if not hasattr(torch.serialization, 'add_safe_globals'):  # torch < 2.4 reads everything
        return
    multiarray = numpy._core.multiarray if hasattr(numpy, '_core') else numpy.core.multiarray  # type: ignore[attr-defined]
    scalar_types = [type(numpy.dtype(kind)) for kind in ('float64', 'float32', 'int64', 'int32', 'bool')]
    torch.serialization.add_safe_globals([
        HistoryBuffer, HistoryBuffer.min, HistoryBuffer.max, HistoryBuffer.current, HistoryBuffer.mean, getattr,
        numpy.ndarray, numpy.dtype, multiarray._reconstruct, multiarray.scalar, *scalar_types
    ])


def keep_checkpoints_from_running_code() -> None:
    """Let the onedl fork's mmengine refuse the checkpoints that torch refuses.

    onedl-mmengine 0.10.12 reads a checkpoint with ``weights_only``, but if torch refuses it, again without, which runs any code
    that it carries. What mmengine itself stores is allowed by :func:`allow_mmengine_checkpoints`.
    """
    from mmengine.runner import checkpoint

    load = getattr(checkpoint, '_safe_torch_load', None)  # openmmlab's has none
    if load is not None and not isinstance(load, functools.partial):
        checkpoint._safe_torch_load = functools.partial(load, weights_only=True)


def restore_numpy_float_in_lvis() -> None:
    """Give lvis-api the ``np.float`` that its evaluation calls and numpy 1.24 removed.

    lvis 0.5.3 fails with "module 'numpy' has no attribute 'float'". Only lvis.eval's own view of numpy gets the name
    back; numpy itself stays as it is.
    """
    import numpy
    from lvis import eval as lvis_eval

    if hasattr(lvis_eval.np, 'float'):
        return
    view = types.ModuleType('numpy', "numpy as lvis.eval sees it: with the removed name 'float'")
    view.__dict__.update(vars(numpy), float=float)
    lvis_eval.np = view
