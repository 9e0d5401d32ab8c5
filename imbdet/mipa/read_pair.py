"""Reader of the visible and infrared image of a pair."""

import io
from collections.abc import Callable

import mmcv
import numpy as np
from mmengine import fileio
from PIL import Image

PERCENTILES = (1, 99)
"""Percentiles of 16-bit values that become black and white, like the automatic gain of infrared cameras."""


def read_visible(path: str, backend_args: dict | None = None) -> np.ndarray:
    """Read an image like mmcv reads color images, with Pillow, which rejects truncated files.

    Args:
        path: The file, also on storage that mmengine supports.
        backend_args: Arguments of mmengine's storage backend.

    Returns:
        Shape (H, W, 3), BGR, uint8.

    Raises:
        OSError: If the file is missing or broken.
        ValueError: If it is a grayscale image of more than 8 bits, which Pillow would turn white.
    """
    content = fileio.get(path, backend_args=backend_args)
    with Image.open(io.BytesIO(content)) as image:
        if image.mode.startswith(('I', 'F')):
            raise ValueError(f'the visible image has mode {image.mode}, which is more than 8 bits; convert it to 8')
    return mmcv.imfrombytes(content, flag='color', backend='pillow')


def read_infrared(path: str,
                  ir_range: tuple[float, float] | None = None,
                  backend_args: dict | None = None) -> np.ndarray:
    r"""Read an infrared image as three channels of 8 bits.

    A grayscale image of 8 bits is repeated in each channel; colors, such as those of a camera's color map, are kept. Values v
    of 16 bits (also 32-bit integers and floats) become gray levels

    .. math:: 255 \cdot \mathrm{clip}\left(\frac{v - low}{high - low}, 0, 1\right)

    Args:
        path: The file, also on storage that mmengine supports.
        ir_range: Low and high. None: the 1st and 99th percentile of the image.
        backend_args: Arguments of mmengine's storage backend.

    Returns:
        Shape (H, W, 3), BGR, uint8.

    Raises:
        OSError: If the file is missing or broken.
    """
    content = fileio.get(path, backend_args=backend_args)
    with Image.open(io.BytesIO(content)) as image:
        if not image.mode.startswith(('I', 'F')):
            return mmcv.imfrombytes(content, flag='color', backend='pillow')
        values = np.asarray(image).astype(np.float32)
    low, high = np.percentile(values, PERCENTILES) if ir_range is None else ir_range
    grey = np.clip((values - low) / max(high - low, np.finfo(np.float32).tiny), 0, 1)
    return np.repeat(np.rint(255 * grey).astype(np.uint8)[..., None], 3, axis=2)


def read_modality(data_info: dict,
                  ir_range: tuple[float, float] | None = None,
                  backend_args: dict | None = None) -> np.ndarray:
    """Read the images of an entry of PairedCocoDataset.

    Args:
        data_info: Record with ``modality``, ``img_path`` and, for a pair, ``ir_path``.
        ir_range: Values of 16-bit infrared images that become 0 and 255. None: the 1st and 99th percentile of each image.
        backend_args: Arguments of mmengine's storage backend.

    Returns:
        Shape (H, W, 3), or for a pair (H, W, 6): visible in BGR, then infrared; uint8.

    Raises:
        OSError: If a file is missing or broken; the message names both of a pair.
        ValueError: If the sizes of a pair differ.
    """
    path, modality = data_info['img_path'], data_info['modality']
    if modality == 'rgb':
        return _read(lambda: read_visible(path, backend_args), path)
    if modality == 'ir':
        return _read(lambda: read_infrared(path, ir_range, backend_args), path)
    ir_path = data_info['ir_path']
    visible = _read(lambda: read_visible(path, backend_args), path, ir_path)
    infrared = _read(lambda: read_infrared(ir_path, ir_range, backend_args), ir_path, path)
    if visible.shape != infrared.shape:
        sizes = ' and '.join(f'{name} is {half.shape[1]} x {half.shape[0]}'
                             for name, half in ((path, visible), (ir_path, infrared)))
        raise ValueError(f'the images of a pair must have the same size, but {sizes}; align and resize them before training')
    return np.concatenate([visible, infrared], axis=2)


def _read(read: Callable[[], np.ndarray], path: str, partner: str | None = None) -> np.ndarray:
    try:
        return read()
    except Exception as error:  # storages and decoders raise arbitrary errors
        pair = f', which is paired with {partner},' if partner else ''
        raise OSError(f'{path}{pair} cannot be read ({type(error).__name__}: {error}); restore the file, or remove the '
                      'image from the annotations') from error
