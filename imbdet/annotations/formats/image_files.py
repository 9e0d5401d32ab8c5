"""Image files of a folder, and the parts of a data set."""

from collections.abc import Collection
from pathlib import Path

SUFFIXES = frozenset({'.avif', '.bmp', '.dib', '.jp2', '.jpe', '.jpeg', '.jpg', '.pbm', '.pgm', '.png', '.pnm', '.ppm', '.ras',
                      '.sr', '.tif', '.tiff', '.webp'})
"""Suffixes of the formats that OpenCV reads, in lower case."""


def is_image(path: Path) -> bool:
    """Return whether the name is one of an image; hidden files are none, such as the ._ files that macOS leaves in archives."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith('.')


def find_images(folder: Path) -> list[Path]:
    """List the images of a folder and of the folders in it.

    Args:
        folder: The folder.

    Returns:
        Paths that begin with ``folder``, sorted.
    """
    return sorted(path for path in folder.rglob('*') if is_image(path))


def choose_part(source: Path, parts: Collection[str], part: str | None) -> str | None:
    """Choose the part of a data set that is read.

    Args:
        source: The data set, for messages.
        parts: Names of its parts; empty if it is not divided.
        part: Name of the wanted part. None: the only one.

    Returns:
        The name; None if the data set is not divided.

    Raises:
        ValueError: If there are several parts and none is wanted, or there is no such part.
    """
    listed = ', '.join(parts)
    if part is None and len(parts) > 1:
        raise ValueError(f'{source} has several parts; choose one with --part: {listed}')
    if part is not None and part not in parts:
        raise ValueError(f'{source} has no part {part!r}; ' + (f'its parts are {listed}' if parts else 'leave --part out'))
    return part or next(iter(parts), None)
