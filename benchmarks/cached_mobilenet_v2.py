"""MobileNetV2 whose frozen stages run once per image: a training on a CPU core takes half as long.

A config names it by ``custom_imports = dict(imports=['imbdet', 'benchmarks.cached_mobilenet_v2'])``.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.models import MobileNetV2
from mmdet.registry import MODELS
from torch import Tensor

from imbdet.files import atomic_write


@MODELS.register_module()
class CachedMobileNetV2(MobileNetV2):
    """mmdet's MobileNetV2, which keeps the outputs of its frozen stages in files.

    Frozen stages with batch norm in eval mode give equal outputs for equal pixels. Their outputs are therefore kept by the hash
    of an image's tensor, after augmentation and padding, and of the frozen weights, so that no other image and no other
    weights can get them. They are computed image by image, so that a batch does not matter either. Several trainings can share
    the folder, which is never cleaned.

    Args:
        cache: Folder of the outputs.
        frozen_stages: As in MobileNetV2, at least 1: the first layer and this number of stages are frozen.
        settings: Other arguments of MobileNetV2; ``norm_eval`` must be True.

    Raises:
        ValueError: If no stage is frozen, or batch norm is not in eval mode.
    """

    def __init__(self, cache: str, frozen_stages: int, norm_eval: bool = True, **settings: Any) -> None:
        if frozen_stages < 1 or not norm_eval:
            raise ValueError('CachedMobileNetV2 needs frozen_stages of at least 1 and norm_eval=True, without which outputs '
                             f'change, got {frozen_stages} and {norm_eval}')
        super().__init__(frozen_stages=frozen_stages, norm_eval=norm_eval, **settings)
        self.cache = Path(cache)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the outputs of all ``out_indices``.

        Args:
            x: Images, shape (B, 3, H, W), float32.

        Returns:
            One map per index, shape (B, channels, height, width).
        """
        folder = self.cache / digest(self._frozen_tensors())
        maps = [torch.cat(of_images) for of_images in zip(*(self._frozen_maps(image, folder) for image in x), strict=True)]
        x = maps[-1] if self.frozen_stages - 1 in self.out_indices else maps.pop()
        for index in range(self.frozen_stages, len(self.layers)):
            if index > max(self.out_indices):
                break
            x = getattr(self, self.layers[index])(x)
            if index in self.out_indices:
                maps.append(x)
        return tuple(maps)

    def _frozen_tensors(self) -> Iterable[Tensor]:
        for name in ('conv1', *self.layers[:self.frozen_stages]):
            yield from getattr(self, name).state_dict().values()

    @torch.no_grad()
    def _frozen_maps(self, image: Tensor, folder: Path) -> list[Tensor]:
        """Return the frozen outputs of one image, the last of which the first stage that is trained takes."""
        path = folder / f'{digest([image])}.npz'
        if path.is_file():
            with np.load(path, allow_pickle=False) as arrays:
                return [torch.from_numpy(array).to(image.device) for array in arrays.values()]
        maps, x = [], self.conv1(image[None])
        for index, name in enumerate(self.layers[:self.frozen_stages]):
            x = getattr(self, name)(x)
            if index in self.out_indices or index + 1 == self.frozen_stages:
                maps.append(x)
        with atomic_write(path) as file, file.open('wb') as stream:
            np.savez(stream, *(output.cpu().numpy() for output in maps))
        return maps


def digest(tensors: Iterable[Tensor]) -> str:
    """Hash the shapes and values of tensors to 32 hexadecimal digits."""
    content = hashlib.blake2b(digest_size=16)
    for tensor in tensors:
        content.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
        content.update(tensor.detach().cpu().contiguous().numpy())
    return content.hexdigest()
