"""The checks of ``imbdet doctor CONFIG``, in order: data, detector, weights, images, classes, metrics, schedule, hooks."""

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from imbdet.cli.errors import describe

if TYPE_CHECKING:
    from mmengine.config import Config

RUNS = {'train': 'training', 'val': 'validation', 'test': 'test'}


class Result(NamedTuple):
    """The result of a check.

    Attributes:
        level: ``'ok'``, ``'warning'``, ``'error'``, or ``'not checked'``.
        check: What was checked.
        text: What was found.
    """

    level: str
    check: str
    text: str


def examine_config(cfg: 'Config') -> Iterator[Result]:
    """Check a config with its data without a training, and without leaving anything in its work directory.

    Args:
        cfg: An mmdet config.

    Yields:
        The results, when each check is done. What depends on a check that failed is not checked.
    """
    from mmengine.registry import init_default_scope
    from mmengine.runner import set_random_seed

    set_random_seed(0)  # pipelines are random, the results shall not be
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    with tempfile.TemporaryDirectory() as folder:
        cfg.work_dir = folder
        yield from _examine(cfg)


def _examine(cfg: 'Config') -> Iterator[Result]:
    from imbdet.cli import doctor_metrics, doctor_model, doctor_schedule

    if isinstance(cfg.get('data'), dict) and 'train_dataloader' not in cfg:
        yield Result('error', 'config', 'it is one of mmdet 2 (data=dict(train=...)); mmdet 3 reads train_dataloader, '
                     "val_dataloader and test_dataloader, see 'Migrate from MMDetection 2.x to 3.x' in mmdet's documentation")
        return
    datasets: dict[str, Any] = {}
    models: list[Any] = []
    yield from _build_data(cfg, datasets)
    yield from _guarded('detector', doctor_model.build_detector, cfg, models)
    for model in models:
        yield from _guarded('detector', doctor_model.check_heads, model, list(datasets.values()))
        if cfg.get('load_from'):
            yield from _guarded('weights', doctor_model.check_weights, model, cfg.load_from)
    yield from _examine_data(cfg, datasets)
    for run in ('val', 'test'):
        if cfg.get(f'{run}_evaluator') and not _is_repeated(cfg, run, '_evaluator'):
            yield from _guarded(f'{RUNS[run]} metric', doctor_metrics.check_metrics, cfg, run, datasets.get(run),
                                next(iter(models), None))
    yield from _guarded('schedule', doctor_schedule.check_schedule, cfg)
    yield from _guarded('hooks', doctor_schedule.build_hooks, cfg)


def _examine_data(cfg: 'Config', datasets: dict[str, Any]) -> Iterator[Result]:
    """Check what the data sets load."""
    from imbdet.cli import doctor_data, doctor_pipeline

    for run, dataset in datasets.items():
        yield from _guarded(f'{RUNS[run]} images', doctor_data.check_images, dataset)
        yield from _guarded(f'{RUNS[run]} pipeline', doctor_pipeline.load_images, cfg, run, dataset)
        yield from _guarded(f'{RUNS[run]} classes', doctor_data.check_classes, cfg, run, dataset)
        if run != 'train' and 'train' in datasets:
            yield from _guarded(f'{RUNS[run]} images', doctor_data.check_shared, datasets['train'], dataset)
    if 'train' in datasets:
        yield from _guarded('batches', doctor_data.check_epoch, cfg, datasets['train'])


def _build_data(cfg: 'Config', datasets: dict[str, Any]) -> Iterator[Result]:
    """Check annotation files, and build the data sets of those without errors."""
    from imbdet.cli import doctor_data

    runs = [run for run in RUNS if cfg.get(f'{run}_dataloader')]
    if not runs:
        yield Result('error', 'config', 'it has no train_dataloader, val_dataloader or test_dataloader')
    for run in runs:
        if _is_repeated(cfg, run, '_dataloader'):
            yield Result('ok', f'{RUNS[run]} data', 'the same as the validation data')
            continue
        results = list(_guarded(f'{RUNS[run]} annotations', doctor_data.check_files, cfg, run))
        yield from results
        if any(result.level == 'error' for result in results):
            yield Result('not checked', f'{RUNS[run]} data', 'its annotations have errors')
        else:
            yield from _guarded(f'{RUNS[run]} data', doctor_data.build_dataset, cfg, run, datasets)


def _is_repeated(cfg: 'Config', run: str, key: str) -> bool:
    """Return whether the test is the same as the validation."""
    return run == 'test' and cfg.get('test' + key) == cfg.get('val' + key)


def _guarded(check: str, function: Callable[..., Iterator[tuple[str, str]]], *arguments: Any) -> Iterator[Result]:
    """Run a check; an exception is an error of the config."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints; mmengine's logger keeps the stream
            found = list(function(*arguments))
    except Exception as error:  # of mmdet, of files, of the config's own code
        name, text = describe(error)
        found = [('error', text if isinstance(error, (ValueError, OSError)) else f'{name}: {text}')]
    for level, text in found:
        yield Result(level, check, text)
