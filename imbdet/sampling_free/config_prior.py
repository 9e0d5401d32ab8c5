"""The foreground priors of a config's detector, without a training."""

from typing import NamedTuple

from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed

from imbdet.heads import ClassificationHead, find_heads
from imbdet.sampling_free.head_bias import head_bias
from imbdet.sampling_free.measure_prior import measure_priors
from imbdet.training.class_counts_hook import bring_class_counts
from imbdet.training.random_state import preserve_rng_state


class ConfigPriors(NamedTuple):
    """What was measured.

    Attributes:
        records: By the head's name ``prior``, ``bias``, ``num_foreground``, ``num_anchors``, ``num_classes``, and
            ``is_guess``, which is true where the assigner looks at the predictions, which are random.
        skipped: Why other heads were not measured, by their name.
    """

    records: dict[str, dict]
    skipped: dict[str, str]


def measure_config_priors(cfg: Config, num_batches: int | None = None, seed: int = 0) -> ConfigPriors:
    """Build a config's detector and training dataloader, and measure the priors that OptimalBiasInitHook would.

    No weights are loaded: what an assigner makes foreground does not depend on them; exceptions are marked as a guess.

    Args:
        cfg: An mmdet config with ``model`` and ``train_dataloader``.
        num_batches: As for :func:`~imbdet.sampling_free.measure_prior.measure_priors`.
        seed: Seed of the order of the images, their augmentation and the weights.

    Returns:
        The priors.

    Raises:
        ValueError: If the config has no ``train_dataloader``, or all anchors are foreground, or none is.
    """
    if not cfg.get('train_dataloader'):
        raise ValueError(f'{cfg.filename} has no train_dataloader to measure the foreground prior on')
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    with preserve_rng_state():
        set_random_seed(seed)
        detector = MODELS.build(cfg.model).to(get_device())
        heads = find_heads(detector)
        skipped = {name: reason for name, head in heads.items() if (reason := _why_not(head))}
        measured = [head for name, head in heads.items() if name not in skipped]
        if not measured:
            return ConfigPriors({}, skipped)
        loader = Runner.build_dataloader({**cfg.train_dataloader, 'persistent_workers': False}, seed=seed)
        bring_class_counts(detector, loader.dataset)
        records = measure_priors(detector, measured, loader, num_batches)
    for head in measured:
        records[head.name].update(bias=head_bias(head, records[head.name]['prior']), is_guess=head.spec.prediction_dependent)
    return ConfigPriors(records, skipped)


def _why_not(head: ClassificationHead) -> str | None:
    kind = type(head.module).__name__
    if head.spec.explicit_only:
        return f'OptimalBiasInitHook leaves a {kind} alone unless it is named'
    if not head.layers:
        return f'a {kind} is not known; OptimalBiasInitHook takes its classification layer in layers'
    if head.loss is None:
        return f'the foreground of a {kind} cannot be counted'
    return None
