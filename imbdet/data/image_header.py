"""Image sizes from file headers."""

from pathlib import Path

from PIL import Image


def image_size(path: Path) -> tuple[int, int]:
    """Read the size of an image from its header, without decoding its pixels.

    Args:
        path: An image file.

    Returns:
        Width and height.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not an image, or its header is broken.
    """
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # from the operating system; it names the file
            raise
        raise ValueError(f'{path} is not a readable image; unpack or download it again') from error
