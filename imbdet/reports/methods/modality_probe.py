"""Modality probe: how much the stages of a trained backbone know about the camera of an image."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmdet.models import BaseDetector
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config, ConfigDict
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.device import get_device
from mmengine.runner import load_checkpoint
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from imbdet.data.wrappers import inner_configs
from imbdet.mipa.modality_probe import chance_margin, probe_accuracy


class StageProbe(NamedTuple):
    """Result of a stage."""

    stage: int
    """Index of the backbone's output."""
    channels: int
    """Channels of its features."""
    image: float
    """Balanced accuracy on the mean feature of an image; chance is 0.5."""
    cell: float
    """Balanced accuracy on features of single cells."""


def probe_modality(cfg: Config,
                   checkpoint: str | Path,
                   number: int = 500,
                   stages: Sequence[int] | None = None,
                   cells: int = 16,
                   seed: int = 0) -> tuple[list[StageProbe], int]:
    """Probe how much the stages of a trained backbone know about the camera of an image.

    The detector is frozen. Whole visible and whole infrared images of the pairs of the test set pass its backbone, and for
    each stage a linear classifier learns from half of the pairs which camera an image is from; see
    :func:`~imbdet.mipa.modality_probe.probe_accuracy`. An accuracy of 0.5 is chance. The lower, the better the backbone
    hides the camera; this says nothing about the accuracy of the detector.

    Args:
        cfg: A config whose ``test_dataloader`` contains a PairedCocoDataset.
        checkpoint: A checkpoint of its model.
        number: Number of pairs, at least 4, chosen at random if there are more.
        stages: Indices of the backbone's outputs. None: all.
        cells: Number of feature cells per image, at the same random places in both images of a pair; at least 1.
        seed: Seed of pairs, cells and halves.

    Returns:
        The results, one for each stage, and the number of pairs.

    Raises:
        ValueError: If the test set has no pairs, an argument is out of range, or the checkpoint is not of this model.
    """
    if number < 1 or cells < 1:
        raise ValueError(f'number and cells must be at least 1, got {number} and {cells}')
    model = _load_model(cfg, checkpoint)
    halves = [_choose(dataset, number, seed) for dataset in _datasets(cfg)]
    features = [_stage_features(model, half, cells, seed) for half in halves]
    num_stages = len(features[0])
    if not all(0 <= stage < num_stages for stage in stages or ()):
        raise ValueError(f'stages must be in 0 to {num_stages - 1}, the outputs of the backbone; got {list(stages or ())}')
    results = []
    for stage in stages or range(num_stages):
        (rgb_images, rgb_cells), (ir_images, ir_cells) = features[0][stage], features[1][stage]
        results.append(StageProbe(stage, rgb_cells.shape[2], probe_accuracy(rgb_images, ir_images, seed),
                                  probe_accuracy(rgb_cells, ir_cells, seed)))
    return results, len(halves[0])


def probe_table(results: Sequence[StageProbe], num_pairs: int) -> str:
    """Return the results as text.

    Args:
        results: Results of the stages.
        num_pairs: Number of pairs.

    Returns:
        A table with a line for each stage.
    """
    trained = num_pairs // 2
    lines = [f'Balanced accuracy of linear probes for the modality, trained on {trained} pairs and tested on '
             f'{num_pairs - trained} others.',
             f'Chance is 0.5, and for images within {chance_margin(num_pairs):.3f} of it in 95 of 100 cases.',
             f'{"stage":>5} {"channels":>8} {"image":>6} {"cell":>6}']
    lines += [f'{each.stage:>5} {each.channels:>8} {each.image:>6.3f} {each.cell:>6.3f}' for each in results]
    return '\n'.join(lines)


def _load_model(cfg: Config, checkpoint: str | Path) -> BaseDetector:
    model = MODELS.build(cfg.model)
    try:
        load_checkpoint(model, str(checkpoint), map_location='cpu', strict=True, logger='silent')
    except RuntimeError as error:  # names and shapes, on many lines
        raise ValueError(f'{checkpoint} is not a checkpoint of the model of {cfg.filename}: '
                         f'{" ".join(str(error).split())[:300]}') from error
    return model.to(get_device()).eval().requires_grad_(False)


def _datasets(cfg: Config) -> Iterator[BaseDataset]:
    """Yield the visible and the infrared images of the first pairs of the test set."""
    configs = inner_configs(cfg.get('test_dataloader', {}).get('dataset', {}))
    paired = next((each for each in configs if each['type'].split('.')[-1] == 'PairedCocoDataset'), None)
    if paired is None:
        raise ValueError(f'{cfg.filename}: the probe needs a PairedCocoDataset in test_dataloader')
    for modality in ('rgb', 'ir'):
        yield DATASETS.build(ConfigDict(paired, modality=modality, test_mode=True))


def _choose(dataset: BaseDataset, number: int, seed: int) -> Subset:
    order = np.random.default_rng(seed).permutation(len(dataset))
    # torch's, because mmengine's get_subset shares the memory of its deepcopy among calls and may return another object.
    return Subset(dataset, sorted(order[:number].tolist()))


@torch.no_grad()
def _stage_features(model: BaseDetector, dataset: Dataset, cells: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each stage the mean feature of each image, (N, 1, C), and features of some of its cells, (N, cells, C)."""
    backbone = getattr(model, 'detector', model).backbone
    places = torch.Generator().manual_seed(seed)  # the same for both modalities
    collected: list[tuple[list[Tensor], list[Tensor]]] = []
    for data in DataLoader(dataset, batch_size=1, collate_fn=pseudo_collate):
        data = model.data_preprocessor(data, False)
        inputs, (height, width) = data['inputs'], data['data_samples'][0].img_shape
        stages = backbone(inputs)
        collected = collected or [([], []) for _ in stages]
        for features, (means, chosen) in zip(stages, collected, strict=True):
            rows = max(1, height * features.shape[2] // inputs.shape[2])
            columns = max(1, width * features.shape[3] // inputs.shape[3])
            of_image = features[0, :, :rows, :columns].flatten(1).T.float().cpu()  # without padding
            means.append(of_image.mean(0, keepdim=True))
            chosen.append(of_image[torch.randint(len(of_image), (cells, ), generator=places)])
    return [(torch.stack(means).numpy(), torch.stack(chosen).numpy()) for means, chosen in collected]
