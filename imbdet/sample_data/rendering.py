"""Rendering of digits on a photograph as a visible and as an infrared image."""

from typing import NamedTuple

import cv2
import numpy as np
from sklearn.datasets import load_sample_images

IMAGE_SIZE = 160
CELL = IMAGE_SIZE / 3
DIGIT_SIZES = (22, 48)
APPEARANCES = ('daylight', 'dusk', 'night')


class Light(NamedTuple):
    """Lighting of an appearance.

    Attributes:
        gain: Factors of red, green and blue.
        noise: Standard deviation of the visible camera's noise, in gray levels of 255.
        warmth: Contrast of dark ink in infrared, in gray levels; light ink is colder than its surroundings.
    """

    gain: tuple[float, float, float]
    noise: float
    warmth: float


LIGHTS = {
    'daylight': Light((1.0, 1.0, 1.0), 2, 35),
    'dusk': Light((0.50, 0.42, 0.36), 4, 60),
    'night': Light((0.09, 0.10, 0.13), 6, 90),
}


class Sprite(NamedTuple):
    """A digit with its position.

    Attributes:
        opacity: Opacity of the ink, shape (height, width), in [0, 1].
        x: Left edge in pixels.
        y: Upper edge in pixels.
        ink: ``'light'`` or ``'dark'``.
    """

    opacity: np.ndarray
    x: int
    y: int
    ink: str


def photographs() -> list[np.ndarray]:
    """Return scikit-learn's two sample photographs, RGB, uint8, 427 x 640."""
    return list(load_sample_images().images)


def background(photos: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return a random crop of a photograph, with reduced contrast so that both inks are visible.

    Args:
        photos: RGB photographs, uint8.
        rng: Random generator.

    Returns:
        Shape (160, 160, 3), float32 in [60, 190].
    """
    photo = photos[rng.integers(len(photos))]
    side = int(rng.integers(IMAGE_SIZE, min(photo.shape[:2])))
    top = rng.integers(photo.shape[0] - side + 1)
    left = rng.integers(photo.shape[1] - side + 1)
    crop = cv2.resize(photo[top:top + side, left:left + side], (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    return 60 + crop.astype(np.float32) * (130 / 255)


def place(cell: int, height: int, width: int, rng: np.random.Generator) -> tuple[int, int]:
    """Choose the position of a digit in a cell of the 3 x 3 grid.

    Args:
        cell: 0 to 8, row by row.
        height: Height of the digit in pixels.
        width: Width of the digit in pixels.
        rng: Random generator.

    Returns:
        Left and upper edge, in pixels.
    """
    row, column = divmod(cell, 3)
    x = column * CELL + rng.uniform(0, max(CELL - width, 0))
    y = row * CELL + rng.uniform(0, max(CELL - height, 0))
    return int(min(x, IMAGE_SIZE - width)), int(min(y, IMAGE_SIZE - height))


def render_visible(scene: np.ndarray, sprites: list[Sprite], appearance: str, rng: np.random.Generator) -> np.ndarray:
    """Render the visible image.

    Args:
        scene: A background.
        sprites: Digits to paste.
        appearance: ``'daylight'``, ``'dusk'`` or ``'night'``.
        rng: Random generator.

    Returns:
        RGB, shape (160, 160, 3), uint8.
    """
    image = scene.copy()
    for sprite in sprites:
        shade = rng.uniform(225, 250) if sprite.ink == 'light' else rng.uniform(5, 30)
        _blend(image, sprite, shade)
    light = LIGHTS[appearance]
    image = image * np.array(light.gain, np.float32) + rng.normal(0, light.noise, image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def render_infrared(scene: np.ndarray, sprites: list[Sprite], appearance: str, rng: np.random.Generator) -> np.ndarray:
    """Render the infrared image: a flat background, dark ink warmer than it and light ink colder.

    Args:
        scene: A background.
        sprites: Digits to paste.
        appearance: ``'daylight'``, ``'dusk'`` or ``'night'``; the darker, the higher the contrast of the digits.
        rng: Random generator.

    Returns:
        Grayscale, shape (160, 160), uint8.
    """
    warmth = LIGHTS[appearance].warmth
    image = 100 + 0.2 * (cv2.GaussianBlur(scene.mean(2), (0, 0), 5) - 125)
    for sprite in sprites:
        _blend(image, sprite, 100 + (warmth if sprite.ink == 'dark' else -0.8 * warmth))
    image = cv2.GaussianBlur(image, (0, 0), 0.7) + rng.normal(0, 4, image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _blend(image: np.ndarray, sprite: Sprite, shade: float) -> None:
    """Paint a digit into the image."""
    height, width = sprite.opacity.shape
    region = image[sprite.y:sprite.y + height, sprite.x:sprite.x + width]
    opacity = sprite.opacity if image.ndim == 2 else sprite.opacity[..., None]
    region += opacity * (shade - region)
