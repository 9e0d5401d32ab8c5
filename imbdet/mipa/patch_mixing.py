"""Mixing of patches from visible and infrared images."""

from collections.abc import Sequence

import torch
from torch import Tensor


def mix_patches(rgb: Tensor,
                ir: Tensor,
                ir_ratio: float | Sequence[float],
                patch_size: int,
                generator: torch.Generator | None = None,
                sizes: Sequence[tuple[int, int]] | None = None) -> tuple[Tensor, Tensor]:
    r"""Mix images: some patches of each are taken from its infrared view, all others from its visible view.

    .. math:: x = M \odot x_{IR} + (1 - M) \odot x_{RGB}

    with M constant on patches of p x p pixels and 1 on exactly round(rho n) of the n patches of each image, chosen at random
    (MiPa, arXiv 2404.18849; its public code rounds down, which is at most one patch less). If a backbone embeds
    non-overlapping patches of p x p pixels, mixing pixels is mixing tokens.

    Args:
        rgb: Visible images, shape (B, C, H, W), any dtype and memory format.
        ir: Infrared images, the same shape and dtype.
        ir_ratio: Share rho of infrared patches, in [0, 1], of all images or of each.
        patch_size: Side p of a patch in pixels, at least 1. Patches at the right and lower edge are smaller if p does not
            divide the size.
        generator: Random generator, on any device. None: torch's default.
        sizes: Height and width of each image in pixels, without the padding at the right and bottom. Patches without pixels of
            the image are not counted and stay visible. None: no padding.

    Returns:
        The mixed images, like ``rgb``, and the modality map, shape (B, 1, ceil(H / p), ceil(W / p)), bool, True where a patch
        is infrared.

    Raises:
        ValueError: If shapes or dtypes differ, or an argument is out of range.
    """
    if rgb.shape != ir.shape or rgb.dtype != ir.dtype:
        raise ValueError(f'visible and infrared images must have the same shape and dtype, got {tuple(rgb.shape)}, {rgb.dtype} '
                         f'and {tuple(ir.shape)}, {ir.dtype}')
    num_images, _, height, width = rgb.shape
    sizes = [(height, width)] * num_images if sizes is None else sizes
    modality_map = draw_modality_map(sizes, (height, width), ir_ratio, patch_size, generator).to(rgb.device)
    return select_patches(rgb, ir, modality_map, patch_size), modality_map


def draw_modality_map(sizes: Sequence[tuple[int, int]],
                      padded_size: tuple[int, int],
                      ir_ratio: float | Sequence[float],
                      patch_size: int,
                      generator: torch.Generator | None = None) -> Tensor:
    """Choose the infrared patches of each image.

    Args:
        sizes: Height and width of each image in pixels.
        padded_size: Height and width of the batch in pixels.
        ir_ratio: Share of infrared patches, in [0, 1], of all images or of each.
        patch_size: Side of a patch in pixels, at least 1.
        generator: Random generator. None: torch's default.

    Returns:
        The modality map, shape (B, 1, ceil(H / p), ceil(W / p)), bool, True where infrared, on the generator's device.

    Raises:
        ValueError: If an argument is out of range.
    """
    ratios = ir_ratio if isinstance(ir_ratio, Sequence) else [ir_ratio] * len(sizes)
    if not all(0 <= ratio <= 1 for ratio in ratios):
        raise ValueError(f'ir_ratio must be in [0, 1], got {ir_ratio}')
    if patch_size < 1:
        raise ValueError(f'patch_size must be at least 1, got {patch_size}')
    device = torch.device('cpu') if generator is None else generator.device
    modality_map = torch.zeros((len(sizes), 1, *patch_grid(padded_size, patch_size)), dtype=torch.bool, device=device)
    for index, (size, ratio) in enumerate(zip(sizes, ratios, strict=True)):
        rows, columns = patch_grid(size, patch_size)
        chosen = torch.zeros(rows * columns, dtype=torch.bool, device=device)
        order = torch.randperm(rows * columns, generator=generator, device=device)
        chosen[order[:round(ratio * rows * columns)]] = True
        modality_map[index, 0, :rows, :columns] = chosen.view(rows, columns)
    return modality_map


def select_patches(rgb: Tensor, ir: Tensor, modality_map: Tensor, patch_size: int) -> Tensor:
    """Compose images from visible and infrared patches according to a modality map.

    Args:
        rgb: Visible images, shape (B, C, H, W).
        ir: Infrared images, the same shape and dtype.
        modality_map: True where infrared, shape (B, 1, ceil(H / p), ceil(W / p)), bool.
        patch_size: Side p of a patch in pixels.

    Returns:
        The composed images, shape (B, C, H, W).
    """
    height, width = rgb.shape[-2:]
    num_images, _, rows, columns = modality_map.shape
    pixels = modality_map[:, :, :, None, :, None].expand(-1, -1, -1, patch_size, -1, patch_size)
    pixels = pixels.reshape(num_images, 1, rows * patch_size, columns * patch_size)[..., :height, :width]
    return torch.where(pixels, ir, rgb)


def patch_grid(size: Sequence[int], patch_size: int) -> tuple[int, int]:
    """Count the patches of an image.

    Args:
        size: Its height and width in pixels.
        patch_size: Side of a patch in pixels.

    Returns:
        Rows and columns of patches, including smaller ones at the edges.
    """
    return -(-size[0] // patch_size), -(-size[1] // patch_size)
