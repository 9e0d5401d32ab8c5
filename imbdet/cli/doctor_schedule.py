"""Checks of a config's schedule: loops, optimizer, learning rate, hooks and visualizer.

Each check yields levels and texts, and raises what ends a training.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from imbdet.cli.did_you_mean import nearest_hint

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.registry import Registry

Found = Iterator[tuple[str, str]]
TOGETHER = {
    'train': ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    'val': ('val_dataloader', 'val_cfg', 'val_evaluator'),
    'test': ('test_dataloader', 'test_cfg', 'test_evaluator'),
}
"""Keys of each run, of which mmengine needs all or none."""


def check_schedule(cfg: 'Config') -> Found:
    """Look for missing parts of the runs and for types that are not registered."""
    faults = [*_missing_keys(cfg), *_unknown_types(cfg)]
    yield from (('error', fault) for fault in faults)
    if not faults:
        yield 'ok', 'its loops, optimizer, schedulers, default hooks and visualizer are registered'


def _missing_keys(cfg: 'Config') -> Iterator[str]:
    for keys in TOGETHER.values():
        missing = [key for key in keys if cfg.get(key) is None]
        if 0 < len(missing) < len(keys):
            given = [key for key in keys if key not in missing]
            yield f'the config has {" and ".join(given)}, but no {" and no ".join(missing)}; mmengine needs all or none'
    loop = cfg.get('train_cfg')
    if isinstance(loop, dict) and ('type' in loop) == ('by_epoch' in loop):
        yield "train_cfg must have type, such as 'EpochBasedTrainLoop', or by_epoch, and not both"
    wrapper = cfg.get('optim_wrapper')
    if isinstance(wrapper, dict) and wrapper.get('optimizer') is None and 'constructor' not in wrapper:
        yield "optim_wrapper must have an optimizer, such as optimizer=dict(type='SGD', lr=0.01)"


def _unknown_types(cfg: 'Config') -> Iterator[str]:
    for key, registry, part, default in _parts(cfg):
        if not isinstance(part, dict):  # an object, or None
            continue
        kind = part.get('type', default)
        if kind is None:
            yield f'{key} has no type'
        elif isinstance(kind, str):
            with registry.switch_scope_and_registry(part.get('_scope_')) as scoped:  # of default_scope, as when it is built
                if scoped.get(kind) is None:
                    yield (f'{key} has the type {kind!r}, which is not in the {registry.name} registry'
                           f'{nearest_hint(kind, _names(scoped))}')


def _parts(cfg: 'Config') -> Iterator[tuple[str, 'Registry', Any, str | None]]:
    """Yield the key, registry, config and default type of each part of a schedule."""
    from mmdet import registry

    wrapper = cfg.get('optim_wrapper') or {}
    yield 'optim_wrapper', registry.OPTIM_WRAPPERS, wrapper, 'OptimWrapper'
    if isinstance(wrapper, dict):
        yield 'optim_wrapper.optimizer', registry.OPTIMIZERS, wrapper.get('optimizer'), None
        if 'constructor' in wrapper:
            yield ('optim_wrapper.constructor', registry.OPTIM_WRAPPER_CONSTRUCTORS, {'type': wrapper['constructor']}, None)
    for scheduler in _schedulers(cfg.get('param_scheduler')):
        yield 'param_scheduler', registry.PARAM_SCHEDULERS, scheduler, None
    loop = cfg.get('train_cfg') or {}
    yield 'train_cfg', registry.LOOPS, loop, 'EpochBasedTrainLoop'
    for run, default in (('val', 'ValLoop'), ('test', 'TestLoop')):
        yield f'{run}_cfg', registry.LOOPS, cfg.get(f'{run}_cfg'), default
    for name, hook in (cfg.get('default_hooks') or {}).items():
        yield f'default_hooks.{name}', registry.HOOKS, hook, None
    visualizer = cfg.get('visualizer')
    yield 'visualizer', registry.VISUALIZERS, visualizer, None
    if isinstance(visualizer, dict):
        backends = visualizer.get('vis_backends') or []
        for backend in [backends] if isinstance(backends, dict) else backends:
            yield 'visualizer.vis_backends', registry.VISBACKENDS, backend, None
    yield 'log_processor', registry.LOG_PROCESSORS, cfg.get('log_processor'), 'LogProcessor'


def _schedulers(value: Any) -> Iterator[Any]:
    """Yield the schedulers in a list, or in a dict with those of several optimizers."""
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _schedulers(part)
    elif isinstance(value, dict) and value and 'type' not in value and all(
            isinstance(part, (dict, list, tuple)) for part in value.values()):
        yield from _schedulers(list(value.values()))
    elif value is not None:
        yield value


def _names(registry: 'Registry | None') -> Iterator[str]:
    """Yield the names in a registry and those that it inherits from."""
    while registry is not None:
        yield from registry.module_dict
        registry = registry.parent


def build_hooks(cfg: 'Config') -> Found:
    """Build the custom hooks."""
    from mmdet.registry import HOOKS
    from mmengine.visualization import Visualizer

    Visualizer.get_instance('imbdet doctor')  # hooks that draw get the current one when they are built
    names = []
    for hook in cfg.get('custom_hooks') or ():
        if isinstance(hook, dict):  # mmengine itself sets the priority
            hook = HOOKS.build({key: value for key, value in hook.items() if key != 'priority'})
        names.append(type(hook).__name__)
    yield 'ok', f'{", ".join(names)} can be built' if names else 'there are no custom ones'
