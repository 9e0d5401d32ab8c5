"""What the header of an image file says: size, EXIF orientation and format, without decoding pixels."""

from pathlib import Path
from typing import NamedTuple

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

EXIF_ORIENTATION = 0x0112
TURNED = range(5, 9)
"""EXIF orientations of images that are shown with width and height exchanged."""


class ImageHeader(NamedTuple):
    """Header of an image file.

    Attributes:
        width: Width of the stored pixels.
        height: Height of the stored pixels.
        orientation: EXIF orientation, 1 to 8; 1, as stored, if there is none.
        format: Pillow's name of the format, such as ``'JPEG'``.
    """

    width: int
    height: int
    orientation: int
    format: str

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height of the image as it is shown, with the orientation applied."""
        return (self.height, self.width) if self.orientation in TURNED else (self.width, self.height)


def image_header(path: str | Path) -> ImageHeader:
    """Read the header of an image.

    Args:
        path: An image file.

    Returns:
        The header.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If Pillow does not recognize it as an image, or its header is broken.
    """
    try:
        with Image.open(path) as image:
            orientation = _exif(image).get(EXIF_ORIENTATION, 1)
            # Pillow gives the size of a TIFF file with the orientation applied; its tags have that of the stored pixels.
            width, height = (image.tag_v2[256], image.tag_v2[257]) if isinstance(image, TiffImageFile) else image.size
            return ImageHeader(width, height, orientation if orientation in range(1, 9) else 1, image.format or '')
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # from the operating system; it names the file
            raise
        raise ValueError(f'{path} is not a readable image; unpack or download it again') from error


def _exif(image: Image.Image) -> Image.Exif:
    """Return the EXIF data of the header; for a PNG file, Pillow's getexif would decode the pixels in search of more."""
    if image.format != 'PNG':
        return image.getexif()
    exif = Image.Exif()
    if 'exif' in image.info:
        exif.load(image.info['exif'])
    return exif


def orientation(path: str | Path) -> int:
    """Return the EXIF orientation of an image, 1 to 8; 1, as stored, if there is none or Pillow cannot read the header."""
    try:
        return image_header(path).orientation
    except ValueError:
        return 1
