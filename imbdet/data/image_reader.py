"""The reader of images: what it returns is what mmdet's pipeline sees, in every part of imbdet."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imbdet.data.image_header import image_header
from imbdet.data.wrappers import walk_dataset

APPLY_ORIENTATION = ('color', 'grayscale')
"""Color types with which the backends below apply the EXIF orientation."""
BACKENDS = ('cv2', 'pillow')


@dataclass(frozen=True)
class ImageReader:
    """Read images as mmcv's LoadImageFromFile does: by the same library, with the EXIF orientation applied or ignored.

    Args:
        color_type: mmcv's ``color_type``, such as ``'color'``; with ``'unchanged'`` or ``'color_ignore_orientation'``, pixels
            are as they are stored.
        imdecode_backend: ``'cv2'``, ``'pillow'``, ``'turbojpeg'`` or ``'tifffile'``.
        backend_args: Arguments of mmengine's storage backend; None: local files, or what the prefix of the path names.
    """

    color_type: str = 'color'
    imdecode_backend: str = 'cv2'
    backend_args: dict | None = None

    def read(self, path: str | Path) -> np.ndarray:
        """Read the pixels of an image.

        Args:
            path: The file, also on storage that mmengine supports.

        Returns:
            Shape (H, W, 3), BGR, uint8; with other color types as mmcv returns them.

        Raises:
            OSError: If the file is missing or the storage fails.
            ValueError: If the library cannot decode the file.
        """
        from mmengine import fileio

        return self.decode(fileio.get(str(path), backend_args=self.backend_args), path)

    def decode(self, content: bytes, path: str | Path) -> np.ndarray:
        """Decode the pixels of an image.

        Args:
            content: Bytes of the file.
            path: The file, for the message.

        Returns:
            As :meth:`read`.

        Raises:
            ValueError: If the library cannot decode the file.
        """
        import mmcv

        try:
            pixels = mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)
        except Exception as error:  # libraries raise arbitrary errors
            raise ValueError(f'{path} cannot be decoded by {self.imdecode_backend} ({type(error).__name__}: '
                             f'{" ".join(str(error).split())})') from error
        if pixels is None:  # OpenCV's answer to what it cannot decode
            raise ValueError(f'{path} cannot be decoded by {self.imdecode_backend}')
        return pixels

    def read_rgb(self, path: str | Path) -> np.ndarray:
        """Read the pixels of an image for pictures and for networks that want colors.

        Args:
            path: The file.

        Returns:
            Shape (H, W, 3), RGB, uint8: one channel is repeated, an alpha channel left out, and of 16 bits the upper 8 kept.

        Raises:
            OSError: If the file is missing or the storage fails.
            ValueError: If the library cannot decode the file.
        """
        pixels = self.read(path)
        if pixels.dtype == np.uint16:
            pixels = (pixels >> 8).astype(np.uint8)
        if pixels.ndim == 2 or pixels.shape[2] < 3:
            pixels = np.repeat(pixels.reshape(*pixels.shape[:2], -1)[..., :1], 3, axis=2)
        return np.ascontiguousarray(pixels[..., 2::-1])

    def size(self, path: str | Path) -> tuple[int, int]:
        """Read the size of an image, from its header where this gives the size of the decoded pixels.

        Args:
            path: The file.

        Returns:
            Width and height of what :meth:`read` returns.

        Raises:
            OSError: If the file is missing or the storage fails.
            ValueError: If the file is not an image.
        """
        if self.backend_args is None and '://' not in str(path) and self.imdecode_backend in BACKENDS:
            try:
                header = image_header(path)
            except ValueError:  # Pillow refuses it, perhaps not the library
                pass
            else:
                # Not all libraries and versions know the orientation of other formats.
                if header.orientation == 1 or (header.format == 'JPEG' and self.color_type in APPLY_ORIENTATION):
                    return header.shown_size
        height, width = self.read(path).shape[:2]
        return width, height


def pipeline_reader(dataset: Any) -> ImageReader:
    """Return the reader that the pipeline of a built data set uses.

    Args:
        dataset: A data set, not a wrapper.

    Returns:
        A reader with the arguments of the first transform that has mmcv's ``imdecode_backend``: LoadImageFromFile and its
        subclasses, and LoadImagePair; without one, with the default arguments.
    """
    for transform in walk_dataset(getattr(dataset, 'pipeline', ())):
        if hasattr(transform, 'imdecode_backend') and hasattr(transform, 'color_type'):  # LoadAnnotations has the former
            return ImageReader(transform.color_type, transform.imdecode_backend, transform.backend_args)
    return ImageReader()


def image_size(path: str | Path) -> tuple[int, int]:
    """Read width and height of an image as mmdet sees it by default, with the EXIF orientation applied.

    Args:
        path: An image file.

    Returns:
        Width and height.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not an image.
    """
    return ImageReader().size(path)
