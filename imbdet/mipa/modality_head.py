"""PatchModalityHead: classifies the modality of patches behind a gradient reversal."""

import math
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional

from imbdet.mipa.patch_mixing import patch_grid
from imbdet.training.progress import training_epoch


def reversal_strength(epoch: int, gamma: float) -> float:
    r"""Return the strength of the gradient reversal.

    .. math:: \lambda(e) = \frac{2}{1 + \exp(-\gamma e)} - 1

    over epochs e (MiPa, arXiv 2404.18849, after arXiv 1409.7495). The first epoch has e = 0 and so a strength of 0, as in the
    authors' DINO; their Deformable DETR counts iterations, so that it is above 0.99 from the 106th on at gamma 0.05.

    Args:
        epoch: The epoch e, from 0.
        gamma: Rate of growth, at least 0.

    Returns:
        The strength, in [0, 1).
    """
    return 2 / (1 + math.exp(-gamma * epoch)) - 1


def reverse_gradient(features: Tensor, strength: float) -> Tensor:
    """Return features whose gradient is reversed and scaled (arXiv 1409.7495).

    Args:
        features: Features of any shape and floating type.
        strength: Factor of the gradient, at least 0.

    Returns:
        A view of ``features``, or ``features`` themselves if they have no gradient.
    """
    if not features.requires_grad:  # the stage is frozen
        return features
    view = features.view_as(features)
    view.register_hook(lambda gradient: -strength * gradient)
    return view


@MODELS.register_module()
class PatchModalityHead(BaseModule):
    r"""Classify patches as visible or infrared from the features of a backbone stage, behind a gradient reversal.

    .. math:: BN(C) \to [Linear(512), BN, ReLU] \times 3 \to Linear(k)

    for each feature cell, where k is the number of patches per cell: :math:`(stride / p)^2`, or 1 if a patch is at least as
    large as a cell. The loss is the mean binary cross entropy over the patches of the images without padding, with target 1
    for infrared (MiPa, arXiv 2404.18849). The head learns to distinguish the modalities. The backbone gets its gradient times
    :math:`-\lambda(e)`, see :func:`reversal_strength`, and learns to hide them.

    The head always computes in float32, also with automatic mixed precision. On several GPUs use
    ``norm_cfg=dict(type='SyncBN')`` or ``dict(type='LN')``, or ``sync_bn='torch'`` in the config, because patches of the same
    image are similar.

    Args:
        in_channels: Channels C of the stage's features.
        stride: Pixels between neighboring cells of the stage.
        patch_size: Side p of a patch, as in the data preprocessor; a divisor or a multiple of ``stride``.
        gamma: Rate at which the reversal grows over the epochs, at least 0. The paper uses 0.05 on FLIR and 0.15 on
            LLVIP.
        feat_channels: Width of the hidden layers.
        norm_cfg: Normalization of cells: ``'BN1d'``, ``'SyncBN'`` or ``'LN'``.
        loss_weight: Weight of the loss, at least 0.
        epoch_length: Number of iterations per epoch of the reversal's schedule. None: the training loop's epochs.
        init_cfg: Initialization config of mmengine's BaseModule.

    Raises:
        ValueError: If neither stride nor patch size divides the other, or a number is out of range.

    Examples:
        >>> dict(type='PatchModalityHead', in_channels=192, stride=8, patch_size=4, gamma=0.1)
    """

    def __init__(self,
                 in_channels: int,
                 stride: int,
                 patch_size: int = 4,
                 gamma: float = 0.1,
                 feat_channels: int = 512,
                 norm_cfg: dict | None = None,
                 loss_weight: float = 1.0,
                 epoch_length: int | None = None,
                 init_cfg: Any = None) -> None:
        super().__init__(init_cfg)
        if stride % patch_size and patch_size % stride:
            raise ValueError(f'stride must be a multiple of patch_size or the other way around, got {stride} and {patch_size}')
        if gamma < 0 or loss_weight < 0:
            raise ValueError(f'gamma and loss_weight must be at least 0, got {gamma} and {loss_weight}')
        self.stride = stride
        self.patch_size = patch_size
        self.gamma = gamma
        self.loss_weight = loss_weight
        self.epoch_length = epoch_length
        norm_cfg = norm_cfg or dict(type='BN1d')
        layers = [build_norm_layer(norm_cfg, in_channels)[1]]
        for width in (in_channels, feat_channels, feat_channels):
            layers += [nn.Linear(width, feat_channels), build_norm_layer(norm_cfg, feat_channels)[1], nn.ReLU(inplace=True)]
        self.patches_per_side = max(stride // patch_size, 1)
        self.layers = nn.Sequential(*layers, nn.Linear(feat_channels, self.patches_per_side**2))

    def forward(self, cells: Tensor) -> Tensor:
        """Classify the modality of the patches in each cell.

        Args:
            cells: Features, shape (N, C).

        Returns:
            Logits, shape (N, k), above 0 for infrared; the patches of a cell row by row.
        """
        return self.layers(cells)

    def loss(self, features: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Compute the loss of a batch.

        Args:
            features: Features of the backbone stage, shape (B, C, h, w).
            data_samples: Data samples with ``modality_map`` from MiPaDataPreprocessor, and ``img_shape``.

        Returns:
            ``loss_modality``; ``acc_modality``, the percentage of correctly classified patches; ``modality_reversal``, the
            strength.

        Raises:
            ValueError: If a sample has no modality map.
        """
        strength = reversal_strength(training_epoch(self.epoch_length), self.gamma)
        targets, weights = self._targets(data_samples, features.shape[-2:])
        with torch.autocast(features.device.type, enabled=False):
            cells = reverse_gradient(features, strength).float().permute(0, 2, 3, 1).flatten(0, 2)
            inside = weights.any(1)
            logits = self(cells[inside])
            is_image = weights[inside]
            wanted = targets[inside]
            loss = functional.binary_cross_entropy_with_logits(logits[is_image], wanted[is_image].float())
        correct = ((logits > 0) == wanted)[is_image].float().mean()
        return {'loss_modality': self.loss_weight * loss, 'acc_modality': 100 * correct.detach(),
                'modality_reversal': loss.new_tensor(strength)}

    def _targets(self, data_samples: list, size: torch.Size) -> tuple[Tensor, Tensor]:
        """Return the patches of each cell, True if infrared, and whether they are inside an image; both (B h w, k), bool."""
        maps, masks = [], []
        for sample in data_samples:
            modality_map = getattr(sample, 'modality_map', None)
            if modality_map is None:
                raise ValueError(f"{getattr(sample, 'img_path', 'an image')} has no modality_map; PatchModalityHead needs "
                                 "data_preprocessor=dict(type='MiPaDataPreprocessor', ...)")
            mask = torch.zeros_like(modality_map)
            rows, columns = patch_grid(sample.img_shape, self.patch_size)
            mask[:, :rows, :columns] = True
            maps.append(modality_map)
            masks.append(mask)
        return self._group_by_cell(torch.stack(maps), size), self._group_by_cell(torch.stack(masks), size)

    def _group_by_cell(self, patches: Tensor, size: torch.Size) -> Tensor:
        """Group a map of patches, shape (B, 1, rows, columns), by feature cell, shape (B h w, k)."""
        for dim in (2, 3):
            patches = patches.repeat_interleave(max(self.patch_size // self.stride, 1), dim)
        side = self.patches_per_side
        height, width = size[0] * side, size[1] * side
        # A cell at the edge may reach beyond the last patch, or a map beyond the last cell.
        patches = functional.pad(patches, (0, width - patches.shape[3], 0, height - patches.shape[2]))
        return functional.pixel_unshuffle(patches.float(), side).bool().permute(0, 2, 3, 1).flatten(0, 2)
