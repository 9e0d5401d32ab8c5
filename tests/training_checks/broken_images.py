"""Images of every kind that a folder may hold, broken and odd ones."""

import io

import numpy as np
from PIL import Image

BROKEN = ('truncated jpeg', 'truncated png', 'empty', 'text', 'missing')
ODD = ('16 bits', 'one channel', 'transparent', 'cmyk', 'palette')


def image_bytes(kind, size=(128, 96), seed=0):
    """Return the bytes of an image file of a kind; None for a missing one.

    Args:
        kind: One of ``BROKEN`` or ``ODD``, or another word for a sound image.
        size: Width and height.
        seed: Seed of the pixels.
    """
    if kind == 'missing':
        return None
    if kind in ('empty', 'text'):
        return b'' if kind == 'empty' else b'<html>404</html>'
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    if kind == '16 bits':
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    modes = {'one channel': 'L', 'transparent': 'RGBA', 'cmyk': 'CMYK', 'palette': 'P'}
    if kind in modes:
        image = image.convert(modes[kind])
    content = io.BytesIO()
    image.save(content, 'JPEG' if kind in ('truncated jpeg', 'cmyk') else 'PNG')
    content = content.getvalue()
    if kind == 'truncated jpeg':
        return content[:-len(content) // 10]
    return content[:len(content) // 2] if kind == 'truncated png' else content


def put_image(path, kind):
    """Write an image of a kind to a path, or remove the file."""
    content = image_bytes(kind)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
