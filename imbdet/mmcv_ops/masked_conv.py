"""Convolution at chosen pixels only, for guided anchors (Wang et al., arXiv:1901.03278)."""

import torch
from torch import Tensor
from torch.nn.functional import pad


def masked_im2col_forward(im: Tensor, mask_h_idx: Tensor, mask_w_idx: Tensor, col: Tensor, kernel_h: int, kernel_w: int,
                          pad_h: int, pad_w: int) -> None:
    """Copy the neighborhoods of chosen pixels to columns (im2col).

    Args:
        im: Feature map, shape (1, C, H, W).
        mask_h_idx: Rows of the pixels, int64, shape (m,).
        mask_w_idx: Their columns.
        col: Is filled, shape (C kernel_h kernel_w, m).
        kernel_h: Height of the kernel.
        kernel_w: Width.
        pad_h: Padding in y, of zeros.
        pad_w: Padding in x.
    """
    padded = pad(im[0], [pad_w, pad_w, pad_h, pad_h])
    down, across = torch.arange(kernel_h, device=im.device), torch.arange(kernel_w, device=im.device)
    rows = (mask_h_idx + down[:, None])[:, None]
    columns = (mask_w_idx + across[:, None])[None]
    col.copy_(padded[:, rows, columns].flatten(0, 2))


def masked_col2im_forward(col: Tensor, mask_h_idx: Tensor, mask_w_idx: Tensor, im: Tensor, height: int, width: int,
                          channels: int) -> None:
    """Put columns back: ``im`` of shape (1, channels, height, width) gets ``col``, (channels, m), at the chosen pixels."""
    im[0, :, mask_h_idx, mask_w_idx] = col.to(im.dtype)
