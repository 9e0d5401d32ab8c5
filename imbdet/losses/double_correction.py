"""Trainings that correct for the frequency of classes twice."""

from typing import Any

from torch import nn


def corrects_prior(module: nn.Module) -> bool:
    """Return whether a loss takes out the prior of the classes, or weights them by it."""
    return bool(getattr(module, 'corrects_prior', False))


def double_corrections(detector: nn.Module, sampler: Any) -> list[str]:
    """Tell what a training corrects twice, which may be too much.

    Args:
        detector: Its detector.
        sampler: The sampler of its training set.

    Returns:
        A line for each.
    """
    losses = {name: module for name, module in detector.named_modules() if corrects_prior(module)}
    lines = [f'{name} wraps {type(module.loss).__name__}, and both correct for frequent classes; use one of them'
             for name, module in losses.items() if corrects_prior(getattr(module, 'loss', None) or nn.Identity())]
    kind = type(sampler).__name__
    if losses and (kind == 'ClassAwareSampler' or getattr(sampler, 'method', None) == 'class-aware'):
        names = ', '.join(f'{name} ({type(module).__name__})' for name, module in losses.items())
        lines.append(f'{kind} draws all classes equally often, and {names} corrects for frequent classes, too; compare with '
                     'each of them alone')
    return lines
