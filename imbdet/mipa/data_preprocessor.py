"""MiPaDataPreprocessor: mixes patches of visible and infrared images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmdet.models import DetDataPreprocessor
from mmdet.registry import MODELS
from mmengine.dist import get_rank
from mmengine.logging import MessageHub
from torch import Tensor

from imbdet.mipa.ir_ratio import LearnableRatio, curriculum_ratio, pass_gradient_to_ratio
from imbdet.mipa.patch_mixing import draw_modality_map, patch_grid, select_patches
from imbdet.training.progress import training_epoch, training_iteration

MODES = ('patch', 'image')
RATIOS = ('uniform', 'curriculum', 'learnable')


@MODELS.register_module()
class MiPaDataPreprocessor(DetDataPreprocessor):
    r"""DetDataPreprocessor that mixes patches of visible and infrared images during training.

    Visible and infrared channels are normalized with their own mean and standard deviation, padded and augmented as one
    image of six channels, and mixed last, on the device (MiPa, arXiv 2404.18849): exactly round(rho n) of the n patches of
    each image are infrared. The share rho of a batch is ``ir_ratio`` and is logged under this name:

    - a number in [0, 1];
    - ``'uniform'``: drawn from U(0, 1) for each batch, the best in the paper;
    - ``'curriculum'``: :math:`\rho = 0.25\, e / E` in the epochs e = 0 to E, then drawn from U(0, 1);
    - ``'learnable'``: trained with the detector, see :class:`~imbdet.mipa.ir_ratio.LearnableRatio`.

    With ``ratio_per_image``, what is drawn is drawn for each image, and its mean over the batch is logged.

    With ``mode='image'``, each whole image is infrared with probability rho: the baseline that trains on both cameras. (The
    authors' code takes exactly the part rho of each batch, rounded down, which is none in small batches.)

    An image of a single modality, from a data set with ``modality='rgb'`` or ``'ir'`` that is used together with pairs, is not
    mixed. Each data sample gets ``modality_map``, shape (1, ceil(H / p), ceil(W / p)), bool, True where infrared.

    In a test, the modality of the sample is used, and ``test_modality`` for a pair. Add ``'modality'`` to the ``meta_keys`` of
    PackDetInputs, so that data samples contain their modality.

    Random choices only depend on the seed, the rank and the iteration: ranks differ, a run is reproducible, and a resumed run
    continues like an uninterrupted one. There is no state except the parameters of ``'learnable'``.

    Args:
        patch_size: Side p of a patch in pixels, at least 1: the patch size of the backbone, such as 4 for Swin. The stem of a
            ResNet covers 7 x 7 pixels and pools, which blurs small patches; use 16 or more.
        ir_ratio: As above.
        ratio_per_image: Whether each image of a batch has its own share, instead of one for all as in the authors' code.
        modality_regularizer: Config of a :class:`~imbdet.mipa.modality_regularizer.ModalityRegularizer`, which sometimes
            replaces the stronger modality of the pairs before they are mixed. Only for ``mode='patch'``.
        mode: ``'patch'`` or ``'image'``.
        mean: Mean of the visible R, G and B channels. None: images are not normalized.
        std: Standard deviation of the visible channels.
        ir_mean: Mean of the infrared channels. None: ``mean``.
        ir_std: Standard deviation of the infrared channels. None: ``std``.
        bgr_to_rgb: Whether to convert both halves from BGR to RGB.
        rgb_to_bgr: Whether to convert both halves from RGB to BGR.
        test_modality: ``'rgb'`` or ``'ir'``: the modality to use in a test for pairs and for samples without ``modality``.
        curriculum_epochs: Epochs E in which the share of the curriculum grows, at least 1.
        epoch_length: Number of iterations per epoch of the curriculum. None: the training loop's epochs.
        seed: Seed of the random choices. None: torch's initial seed, which mmengine sets from ``randomness``.
        **kwargs: Passed to DetDataPreprocessor.

    Raises:
        ValueError: If an argument is out of range or unknown; when run, if a sample has neither three nor six channels, or
            in a test if its modality is unknown.

    Examples:
        >>> data_preprocessor = dict(type='MiPaDataPreprocessor', patch_size=4, mean=[123.675, 116.28, 103.53],
        ...                          std=[58.395, 57.12, 57.375], bgr_to_rgb=True, pad_size_divisor=32)
    """

    def __init__(self,
                 patch_size: int = 4,
                 ir_ratio: float | str = 'uniform',
                 mode: str = 'patch',
                 mean: Sequence[float] | None = None,
                 std: Sequence[float] | None = None,
                 ir_mean: Sequence[float] | None = None,
                 ir_std: Sequence[float] | None = None,
                 bgr_to_rgb: bool = False,
                 rgb_to_bgr: bool = False,
                 test_modality: str | None = None,
                 curriculum_epochs: int = 8,
                 epoch_length: int | None = None,
                 seed: int | None = None,
                 ratio_per_image: bool = False,
                 modality_regularizer: dict | None = None,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)  # without normalization and channel order, which expect three channels
        if not ((isinstance(ir_ratio, (int, float)) and 0 <= ir_ratio <= 1) or ir_ratio in RATIOS):
            raise ValueError(f'ir_ratio must be a number in [0, 1] or one of {", ".join(RATIOS)}; got {ir_ratio!r}')
        if mode not in MODES or test_modality not in (None, 'rgb', 'ir'):
            raise ValueError(f"mode must be 'patch' or 'image' and test_modality 'rgb', 'ir' or None; got {mode!r} and "
                             f'{test_modality!r}')
        if ratio_per_image and ir_ratio not in RATIOS:
            raise ValueError(f'ratio_per_image needs a share that is drawn, ir_ratio of {", ".join(RATIOS)}; got {ir_ratio!r}')
        if modality_regularizer is not None and mode == 'image':
            raise ValueError("modality_regularizer works on mixed patches; remove it, or set mode='patch'")
        counts = dict(patch_size=patch_size, curriculum_epochs=curriculum_epochs, epoch_length=epoch_length)
        for name, count in counts.items():
            if count is not None and count < 1:
                raise ValueError(f'{name} must be at least 1, got {count}')
        if (mean is None) != (std is None) or (ir_mean is None) != (ir_std is None) or (mean is None) > (ir_mean is None):
            raise ValueError('mean and std must be set together, and so must ir_mean and ir_std, which also need mean and std')
        if bgr_to_rgb and rgb_to_bgr:
            raise ValueError('bgr_to_rgb and rgb_to_bgr cannot both be set; remove one')
        self.patch_size = patch_size
        self.ir_ratio = ir_ratio
        self.ratio_per_image = ratio_per_image
        self.mode = mode
        self.test_modality = test_modality
        self.curriculum_epochs = curriculum_epochs
        self.epoch_length = epoch_length
        self.seed = seed
        self.swaps_channels = bgr_to_rgb or rgb_to_bgr
        self.learnable_ratio = LearnableRatio() if ir_ratio == 'learnable' else None
        self.modality_regularizer = None if modality_regularizer is None else MODELS.build(modality_regularizer)
        self.normalizes = mean is not None
        statistics = dict(rgb_mean=mean, rgb_std=std, ir_mean=mean if ir_mean is None else ir_mean,
                          ir_std=std if ir_std is None else ir_std)
        for name, values in statistics.items():
            tensor = None if values is None else torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)
            self.register_buffer(name, tensor, persistent=False)
        self._last_iteration = -1
        self._batches_in_iteration = 0

    def forward(self, data: dict, training: bool = False) -> dict:
        """Normalize, pad and augment a batch, and mix it in training.

        Args:
            data: A batch of the dataloader: ``inputs``, images of shape (6, H, W) or (3, H, W), and ``data_samples``.
            training: Whether to mix.

        Returns:
            ``inputs``, shape (B, 3, H, W), float32, and ``data_samples``.

        Raises:
            ValueError: If a sample has neither three nor six channels, or in a test if its modality is unknown.
        """
        data = self.cast_data(data)
        samples = data.get('data_samples') or [None] * len(data['inputs'])
        modalities = [self._modality(image, sample, training)
                      for image, sample in zip(data['inputs'], samples, strict=True)]
        images = [self._normalize(image, modality) for image, modality in zip(data['inputs'], modalities, strict=True)]
        if training and 'pair' in modalities:
            images = [image if len(image) == 6 else image.repeat(2, 1, 1) for image in images]
        data = super().forward({**data, 'inputs': images}, training)
        if training:
            data['inputs'] = self._mix(data['inputs'], data['data_samples'], modalities)
        return data

    def _modality(self, image: Tensor, sample: Any, training: bool) -> str:
        """Return the modality to use of an image: ``'pair'`` (only in training), ``'rgb'`` or ``'ir'``."""
        name = getattr(sample, 'img_path', 'an image')
        if len(image) not in (3, 6):
            raise ValueError(f'{name} has {len(image)} channels; MiPaDataPreprocessor needs 3, or 6 for a pair')
        if len(image) == 6:
            if training:
                return 'pair'
            if self.test_modality is None:
                raise ValueError(f"{name} is a pair, but a test uses a single modality; set the data set's modality to 'rgb' "
                                 "or 'ir', or set test_modality of MiPaDataPreprocessor")
            return self.test_modality
        modality = getattr(sample, 'modality', None) or self.test_modality
        if modality is None and (training or not self._equal_normalization()):
            raise ValueError(f"it is unknown whether {name} is visible or infrared; add 'modality' to the meta_keys of "
                             'PackDetInputs, or set test_modality of MiPaDataPreprocessor')
        if modality == 'pair':
            raise ValueError(f'{name} is a pair but has 3 channels: a transform has dropped half of it; remove that transform')
        return modality or 'rgb'  # arbitrary, if both are normalized in the same way

    def _equal_normalization(self) -> bool:
        return not self.normalizes or bool((self.rgb_mean == self.ir_mean).all() and (self.rgb_std == self.ir_std).all())

    def _normalize(self, image: Tensor, modality: str) -> Tensor:
        """Return the normalized channels of a modality, or of both."""
        names = ('rgb', 'ir') if modality == 'pair' else (modality, )
        halves = dict(zip(('rgb', 'ir'), image.split(3), strict=True)) if len(image) == 6 else {modality: image}
        normalized = []
        for name in names:
            half = halves[name]
            if self.swaps_channels:
                half = half[[2, 1, 0]]
            half = half.float()
            if self.normalizes:
                half = (half - getattr(self, f'{name}_mean')) / getattr(self, f'{name}_std')
            normalized.append(half)
        return torch.cat(normalized) if len(normalized) > 1 else normalized[0]

    def _mix(self, inputs: Tensor, samples: list, modalities: list[str]) -> Tensor:
        """Mix a batch of six channels, and add the modality map to each sample."""
        padded_size = (inputs.shape[-2], inputs.shape[-1])
        generator = self._generator(inputs.device)
        paired = [modality == 'pair' for modality in modalities]
        if any(paired):
            rgb, ir = inputs.split(3, dim=1)
            if self.modality_regularizer is not None:
                rgb, ir = self.modality_regularizer(rgb, ir, paired, generator)
            ratio = self._draw_ratio(len(samples), generator)
            modality_map = self._draw_map(samples, padded_size, ratio.detach(), generator)
        else:
            modality_map = inputs.new_zeros((len(inputs), 1, *patch_grid(padded_size, self.patch_size)), dtype=torch.bool)
        for index, modality in enumerate(modalities):
            if modality != 'pair':
                modality_map[index] = modality == 'ir'
            samples[index].modality_map = modality_map[index]
        if not any(paired):
            if self.learnable_ratio is None:
                return inputs
            # A gradient of zero: other ranks may have pairs, and DDP waits for every parameter on every rank.
            return pass_gradient_to_ratio(inputs, inputs, inputs, self.learnable_ratio(generator))
        mixed = select_patches(rgb, ir, modality_map, self.patch_size)
        return mixed if self.learnable_ratio is None else pass_gradient_to_ratio(mixed, rgb, ir, ratio)

    def _generator(self, device: torch.device) -> torch.Generator:
        """Return a generator seeded with seed, rank, iteration, and the number of the batch in the iteration."""
        iteration = training_iteration()
        self._batches_in_iteration = self._batches_in_iteration + 1 if iteration == self._last_iteration else 0
        self._last_iteration = iteration
        seed = torch.initial_seed() if self.seed is None else self.seed
        sequence = np.random.SeedSequence((seed, get_rank(), iteration, self._batches_in_iteration))
        return torch.Generator(device).manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1)))

    def _draw_ratio(self, num_images: int, generator: torch.Generator) -> Tensor:
        """Return the share of infrared patches of a batch, shape (), or of each image, shape (B,), and log the mean."""
        shape = (num_images, ) if self.ratio_per_image else ()
        if self.learnable_ratio is not None:
            ratio = self.learnable_ratio(generator, shape)
        else:
            if self.ir_ratio == 'curriculum':
                share = curriculum_ratio(training_epoch(self.epoch_length), self.curriculum_epochs)
            else:
                share = None if self.ir_ratio == 'uniform' else float(self.ir_ratio)
            ratio = (torch.rand(shape, generator=generator, device=generator.device) if share is None
                     else torch.full(shape, share, dtype=torch.float64, device=generator.device))
        MessageHub.get_current_instance().update_scalar('train/ir_ratio', float(ratio.detach().mean()))
        return ratio

    def _draw_map(self, samples: list, padded_size: tuple[int, int], ratio: Tensor, generator: torch.Generator) -> Tensor:
        if self.mode == 'patch':
            sizes = [sample.img_shape for sample in samples]
            return draw_modality_map(sizes, padded_size, ratio.expand(len(samples)).tolist(), self.patch_size, generator)
        infrared = torch.rand(len(samples), generator=generator, device=generator.device) < ratio
        return infrared.view(-1, 1, 1, 1).repeat(1, 1, *patch_grid(padded_size, self.patch_size))
