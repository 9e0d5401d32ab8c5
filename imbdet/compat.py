"""Repairs to what other packages break, each with its reason. Nothing else in imbdet alters a foreign module."""

import functools
import importlib
import sys
import types
from pathlib import Path

import wrapt

CONFIGS = Path(__file__).parent / '.mim' / 'configs'


def apply() -> None:
    """Make each repair when the module that it repairs is imported, or now if it has been already.

    So ``import imbdet`` by itself imports neither torch nor mmdet. Repairs that are not needed do nothing.
    """
    for repair, module in ((register_configs, 'mmengine.config'),
                           (allow_mmengine_checkpoints, 'mmengine.logging'),
                           (keep_checkpoints_from_running_code, 'mmengine.runner.checkpoint'),
                           (attend_runs, 'mmengine.runner.runner'),
                           (restore_numpy_float_in_lvis, 'lvis.eval'),
                           (register_components, 'mmdet.registry')):
        wrapt.register_post_import_hook(functools.partial(_repair, repair), module)


def _repair(repair, module: types.ModuleType) -> None:  # the hook of wrapt gets the module, which the repairs import themselves
    repair()


def register_components() -> None:
    """Let mmdet's registries find imbdet's components, once they are asked for something.

    mmengine's registries import what registers with them only when they are first asked. imbdet's components import mmdet,
    so importing them while mmdet itself is being imported would run in a circle.
    """
    from mmengine.registry import Registry

    registries = [value for value in vars(sys.modules['mmdet.registry']).values() if isinstance(value, Registry)]
    if any(registry._imported for registry in registries):
        importlib.import_module('imbdet.registration')
        return
    for registry in registries:
        if 'imbdet.registration' not in registry._locations:
            registry._locations.append('imbdet.registration')


def register_configs() -> None:
    """Let ``_base_ = 'imbdet::...'`` find imbdet's configs, and build what they contain.

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
    """Let a resume read what mmengine stores beside the weights, and nothing else.

    Since 2.6, torch.load reads tensors and plain containers only, unless a class is allow-listed; mmengine 0.10.7 keeps
    its logged values in a HistoryBuffer of numpy arrays. ``weights_only=False`` would run any code that a checkpoint
    carries, and so does allow-listing the originals; see :mod:`imbdet.checkpoint_contents`.
    """
    import torch

    if not hasattr(torch.serialization, 'add_safe_globals'):  # torch < 2.4 reads everything
        return
    from imbdet.checkpoint_contents import STAND_INS

    torch.serialization.add_safe_globals(STAND_INS)


def keep_checkpoints_from_running_code() -> None:
    """Let mmengine refuse, wherever a checkpoint comes from, what torch refuses under ``weights_only``.

    * onedl-mmengine 0.10.12 reads a checkpoint with ``weights_only``, but if torch refuses it, again without, which runs any
      code that it carries.
    * Checkpoints from ``http://`` and ``https://``, which those of ``torchvision://`` and ``openmmlab://`` are too, are read
      by torch.hub, whose default is to run code in torch 2.11 as well.

    What mmengine itself stores is allowed by :func:`allow_mmengine_checkpoints`.
    """
    import torch
    from mmengine.runner import checkpoint

    names = ['_safe_torch_load']  # openmmlab's has none
    if hasattr(torch.serialization, 'add_safe_globals'):  # without it, mmengine's own checkpoints would be refused too
        names.append('load_url')
    for name in names:
        load = getattr(checkpoint, name, None)
        if load is not None and not isinstance(load, functools.partial):
            setattr(checkpoint, name, functools.partial(load, weights_only=True))


def attend_runs() -> None:
    """Put in the hooks that a model needs before a training, validation or test, and let hooks let go after an exception.

    * A loss or layer that needs class counts cannot ask mmengine's Runner for the hook that brings them, and would have to be
      named twice in a config; so it is with losses whose statistics advance from step to step.
    * mmengine tests and resumes with a checkpoint of another model, the layers that it lacks left random, and trains on data
      from which nothing can be learned.
    * mmengine 0.10.7 calls ``after_train`` and ``after_run`` only when all went well, so that what a hook attached to the
      detector would stay there. Hooks that have ``after_exception(runner)`` are called; the exception is raised as it is.
    """
    from mmengine.runner.runner import Runner

    def run(wrapped, runner, arguments, keywords):
        importlib.import_module('imbdet.training.class_counts_hook').put_in(runner)
        importlib.import_module('imbdet.losses.put_in').put_in(runner, wrapped.__name__)
        importlib.import_module('imbdet.training_checks.put_in').put_in(runner, wrapped.__name__)
        try:
            return wrapped(*arguments, **keywords)
        except BaseException:
            for hook in runner.hooks:
                if hasattr(hook, 'after_exception'):
                    hook.after_exception(runner)
            raise

    for name in ('train', 'val', 'test'):
        if not isinstance(getattr(Runner, name), wrapt.FunctionWrapper):
            wrapt.wrap_function_wrapper(Runner, name, run)


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
