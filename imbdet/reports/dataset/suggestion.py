"""Suggested methods for a data set, with reasons and as a config."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imbdet.annotations.fault import first_ten
from imbdet.classes import LVIS_LIMITS
from imbdet.repeat_sampling.simulated_epoch import METHOD_NAMES
from imbdet.reports.dataset.dataset_analysis import DatasetAnalysis
from imbdet.reports.dataset.imbalance import Imbalance, format_number

if TYPE_CHECKING:
    from mmengine.config import Config

LEAST_RATIO = 10.0
"""Imbalance ratio below which resampling is not suggested: a rule of thumb."""


class Suggestion(NamedTuple):
    """A suggestion and the reasons for it.

    Attributes:
        reasons: Sentences, the most urgent first.
        config: The suggestion as an mmdet config in Python.
    """

    reasons: list[str]
    config: str


def suggest(findings: DatasetAnalysis, folder: str | Path) -> Suggestion:
    """Choose methods from the numbers of an analysis.

    Resampling is suggested from an imbalance ratio of 10 on: IRFS if a class is bursty, else RFS, with the threshold for the
    target length. LongTailMetric is always suggested, and OptimalBiasInitHook for measured priors.

    Args:
        findings: The analysis.
        folder: Folder of the config to be written; the path of its base is relative to it.

    Returns:
        Reasons and config.
    """
    reasons = _fix_first(findings)
    parts = ['custom_imports = ' + _custom_imports(findings.cfg)]
    if findings.cfg is not None:
        parts.insert(0, f'_base_ = {_base(findings.cfg, folder)!r}')
    method, reason = _choose_method(findings)
    reasons.append(reason)
    if method is not None:
        parts.append(_sampler(findings, method, reasons))
    parts += _evaluator(findings, reasons) + _bias(findings, reasons)
    return Suggestion(reasons, '\n'.join(parts) + '\n')


def _fix_first(findings: DatasetAnalysis) -> list[str]:
    imbalance = findings.imbalance
    reasons = []
    fatal = [fault.kind for fault in findings.faults if fault.is_fatal]
    if fatal:
        reasons.append(f'Fix the file first, since training cannot start with it: {"; ".join(fatal)}.')
    if imbalance.num_faulty:
        reasons.append(f'{imbalance.num_faulty:,} faulty boxes are not trained on: see the faults.')
    absent = [name for name, count in zip(imbalance.names, imbalance.image_counts, strict=True) if count == 0]
    if absent:
        reasons.append(f'{len(absent)} classes have no images, and no method can help: {first_ten(absent)}. Collect images of '
                       'them, or remove them.')
    return reasons


def _choose_method(findings: DatasetAnalysis) -> tuple[str | None, str]:
    """Return the method, or None for no resampling, and why."""
    imbalance = findings.imbalance
    if not findings.epochs:
        return None, 'The file has no countable box, so no resampling can be suggested.'
    ratio = imbalance.imbalance_ratio
    if ratio < LEAST_RATIO:
        return None, (f'No resampling: the commonest class is in {format_number(ratio)} times as many images as the rarest, '
                      f'which is below {LEAST_RATIO:g}, our rule of thumb for a long tail.')
    method = 'irfs' if imbalance.is_bursty.any() else 'rfs'
    epoch = findings.epochs[method]
    if not (epoch.category_factors > 1).any():
        return None, (f'No resampling: a target length of {findings.target_length:g} leaves no room for repeats. Increase '
                      '--target-length.')
    if method == 'irfs':
        why = _bursty_reason(imbalance)
    else:
        why = 'no class is bursty, so the number of images, which RFS uses, is sufficient.'
    return method, f'Resample with {METHOD_NAMES[method]}: {why}'


def _bursty_reason(imbalance: Imbalance) -> str:
    """Explain why IRFS is better than RFS here, with the rarest bursty class and the class closest to it in images."""
    images = imbalance.image_counts
    bursty = np.flatnonzero(imbalance.is_bursty)
    others = np.flatnonzero(~imbalance.is_bursty & (images > 0))
    number = f'{len(bursty)} class{"es are" if len(bursty) > 1 else " is"} bursty. RFS counts only images'
    if not len(others):
        return f'{number}.'
    rarest = bursty[images[bursty].argmin()]
    near = others[np.abs(images[others] - images[rarest]).argmin()]
    pair = ' and '.join(f'{imbalance.names[index]} ({images[index]:,} images, {imbalance.instance_counts[index]:,} boxes)'
                        for index in (rarest, near))
    return f'{number}; IRFS also counts boxes, and treats {pair}, for example, differently.'


def _sampler(findings: DatasetAnalysis, method: str, reasons: list[str]) -> str:
    epoch, imbalance = findings.epochs[method], findings.imbalance
    length = epoch.length / imbalance.num_images
    largest = int(epoch.category_factors.argmax())
    reach = ('makes' if findings.reached[method] else
             f'is the largest possible and, short of the target {findings.target_length:g}, makes')
    reasons.append(f'The threshold {epoch.threshold:g} {reach} an epoch {length:.3f} times as long. It repeats images of '
                   f'{int((epoch.category_factors > 1).sum())} of {len(imbalance.names)} classes, those of '
                   f'{imbalance.names[largest]} most: each is drawn {format_number(epoch.category_factors[largest])} times per '
                   'epoch.')
    dataset = ''
    if findings.cfg is not None and _kind(findings.cfg.train_dataloader.dataset) == 'ClassBalancedDataset':
        reasons.append('The config wraps its data set in ClassBalancedDataset, which already repeats images. The snippet '
                       'removes it, so that they are not repeated twice.')
        dataset = ',\n    dataset=dict(_delete_=True, **_base_.train_dataloader.dataset.dataset)'
    return ('train_dataloader = dict(\n'
            f"    sampler=dict(_delete_=True, type='RepeatFactorSampler', method={method!r}, threshold={epoch.threshold!r})"
            f'{dataset})')


def _evaluator(findings: DatasetAnalysis, reasons: list[str]) -> list[str]:
    """Replace a single metric with LongTailMetric; a config with several metrics is left to the user."""
    cfg, imbalance = findings.cfg, findings.imbalance
    evaluator = {} if cfg is None else cfg.get('val_evaluator')
    if not isinstance(evaluator, dict) or (evaluator and _kind(evaluator) == 'LongTailMetric'):
        return []
    style, listed = ('lvis', 'list') if findings.is_lvis else ('coco', 'do not list')
    reasons.append('Evaluate with LongTailMetric: it reports AP of rare, common and frequent classes separately; the mean over '
                   f'all classes hides the tail. style={style!r}, because the images of this file {listed} the classes that '
                   'were checked in them' + ('; those of the validation file must do the same.' if findings.is_lvis else '.'))
    metric = evaluator.get('metric', 'bbox')
    metrics = [name for name in ([metric] if isinstance(metric, str) else metric) if name in ('bbox', 'segm')] or ['bbox']
    limits = imbalance.limits
    parts = [
        'val_evaluator = dict(',
        f"    _delete_=True, type='LongTailMetric', style={style!r}, metric={metrics if len(metrics) > 1 else metrics[0]!r},",
        f'    ann_file={evaluator["ann_file"]!r},' if 'ann_file' in evaluator else
        "    ann_file='path/to/val.json',  # your validation annotations",
        f'    train_ann_file={str(findings.ann_file)!r}'
        + (f', rare_max={limits[0]}, common_max={limits[1]}' if limits != LVIS_LIMITS else '') + ')'
    ]
    if cfg is None or cfg.get('test_evaluator') == evaluator:
        parts.append('test_evaluator = val_evaluator')
    return parts


def _bias(findings: DatasetAnalysis, reasons: list[str]) -> list[str]:
    if findings.priors is None or findings.cfg is None:
        return []
    hooks = findings.cfg.get('custom_hooks') or []
    if any(_kind(hook) == 'OptimalBiasInitHook' for hook in hooks):
        return []
    priors = {name: float(f'{record["prior"]:.3g}') for name, record in findings.priors.records.items()
              if not record['is_guess']}
    if not priors:
        return []
    reasons.append('Start ' + ' and '.join(f'{name} from its measured foreground prior {prior:g}'
                                           for name, prior in priors.items()) +
                   ' (OptimalBiasInitHook): this bias minimizes the initial cross entropy over all anchors. It assumes plain '
                   'cross entropy.')
    kept = '*_base_.custom_hooks, ' if hooks else ''
    return [f"custom_hooks = [{kept}dict(type='OptimalBiasInitHook', prior={priors!r})]"]


def _base(cfg: 'Config', folder: str | Path) -> str:
    return Path(os.path.relpath(os.path.abspath(cfg.filename), os.path.abspath(folder))).as_posix()


def _custom_imports(cfg: 'Config | None') -> str:
    imports = list((cfg.get('custom_imports') or {}).get('imports', [])) if cfg is not None else []
    return f'dict(imports={[*(name for name in imports if name != "imbdet"), "imbdet"]!r}, allow_failed_imports=False)'


def _kind(config: Any) -> str:
    """Return the name of a config's type, which may be a class or have a scope prefix."""
    kind = config['type']
    return kind.split('.')[-1] if isinstance(kind, str) else kind.__name__
