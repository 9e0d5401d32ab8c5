"""Timing training steps with a hook and without it, in turn."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from table import Row, ratio_row
from tqdm import tqdm

WARM_UP = 3


def seconds(call: Callable, *arguments: Any, **keywords: Any) -> float:
    """Return how long a call takes, until the GPU, if there is one, has done it."""
    start = time.perf_counter()
    call(*arguments, **keywords)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def untrained_runner(cfg: Config, work_dir: str) -> tuple[Runner, OptimWrapper]:
    """Build a runner without the config's custom hooks, its detector initialised and in training mode.

    Args:
        cfg: An mmdet config; changed.
        work_dir: Where the runner logs.

    Returns:
        The runner and the optimizer of its detector.
    """
    register_all_modules()
    cfg.update(work_dir=work_dir, log_level='WARNING', custom_hooks=[])
    runner = Runner.from_cfg(cfg)
    optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    runner.model.init_weights()
    runner.model.train()
    return runner, optim_wrapper


def step_times(runner: Runner, hook: Hook, batch: dict, optim_wrapper: OptimWrapper, steps: int) -> np.ndarray:
    """Train on one batch, step by step without the hook and with it.

    Args:
        runner: Runner of the training.
        hook: A hook that attaches in ``before_train`` and detaches in ``after_train``.
        batch: The batch.
        optim_wrapper: Optimizer of the detector.
        steps: Steps of each.

    Returns:
        Seconds of each step without and with the hook, shape (steps, 2).
    """
    times = []
    for _ in tqdm(range(steps + WARM_UP), disable=None, unit='step'):
        plain = seconds(runner.model.train_step, batch, optim_wrapper=optim_wrapper)
        hook.before_train(runner)
        times.append((plain, seconds(runner.model.train_step, batch, optim_wrapper=optim_wrapper)))
        hook.after_train(runner)
    return np.array(times[WARM_UP:])


def in_turn(first: tuple, second: tuple, steps: int) -> np.ndarray:
    """Take steps of two trainings in turn.

    Args:
        first: Runner, batch and optimizer of a training.
        second: The same of another.
        steps: Steps of each.

    Returns:
        Seconds of each step of the first and of the second, shape (steps, 2).
    """

    def step(runner: Runner, batch: dict, optim_wrapper: OptimWrapper) -> None:
        runner.model.train_step(batch, optim_wrapper=optim_wrapper)

    return calls_in_turn(partial(step, *first), partial(step, *second), steps)


def calls_in_turn(first: Callable, second: Callable, steps: int) -> np.ndarray:
    """Time two calls in turn.

    Args:
        first: A function without arguments.
        second: Another one.
        steps: Calls of each.

    Returns:
        Seconds of each call of the first and of the second, shape (steps, 2).
    """
    times = [(seconds(first), seconds(second)) for _ in tqdm(range(steps + WARM_UP), disable=None, unit='step')]
    return np.array(times[WARM_UP:])


def compare_steps(runner: Runner, hook: Hook, batch: dict, optim_wrapper: OptimWrapper, steps: int, what: str) -> Row:
    """Time steps without the hook and with it.

    Args:
        runner: As for :func:`step_times`.
        hook: As for :func:`step_times`.
        batch: As for :func:`step_times`.
        optim_wrapper: As for :func:`step_times`.
        steps: As for :func:`step_times`.
        what: What is compared, such as ``'RetinaNet with GuidedLossHook'``.

    Returns:
        The row of the table.
    """
    return ratio_row('step', what, step_times(runner, hook, batch, optim_wrapper, steps), 1.02)
