"""Color and texture statistics against a reference that goes through the pixels one by one."""

import math

import cv2
import numpy as np
import pytest

from imbdet.dataset_equity.image_statistics import color_texture

CIRCLE = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]


def photo(height=32, width=48, seed=0):
    """Noise, smoothed so that there are flat and rough places, in three channels that differ."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (height // 4, width // 4, 3)).astype(np.float32)
    smooth = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    smooth[:, :width // 2] += rng.normal(0, 12, (height, width // 2, 3))
    return (smooth * (0.9, 0.6, 0.3)).clip(0, 255).astype(np.uint8)


def colors(values):
    """A value on its way from one bin's centre to the next one's counts for both."""
    bins = [0.0] * 16
    for value in values:
        place = value / 255 * 15
        below = math.floor(place)
        bins[below] += 1 - (place - below)
        if below < 15:
            bins[below + 1] += place - below
    return [number / len(values) for number in bins]


def patterns(rows):
    """Bins 0 to 8: neighbours at least as light, if they lie in one arc of the circle; 9: all others."""
    bins = [0] * 10
    for y in range(1, len(rows) - 1):
        for x in range(1, len(rows[0]) - 1):
            lighter = [rows[y + dy][x + dx] >= rows[y][x] for dy, dx in CIRCLE]
            changes = sum(lighter[index] != lighter[(index + 1) % 8] for index in range(8))
            bins[sum(lighter) if changes in (0, 2) else 9] += 1
    return [number / sum(bins) for number in bins]


def means(rows, side):
    """Means of blocks."""
    return [[math.floor(sum(rows[y + dy][x + dx] for dy in range(side) for dx in range(side)) / side**2 + 0.5)
             for x in range(0, len(rows[0]), side)] for y in range(0, len(rows), side)]


def reference(image):
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lightness = lab[..., 0].tolist()
    parts = [colors(lab[..., channel].ravel().tolist()) for channel in range(3)]
    parts += [patterns(means(lightness, side)) for side in (1, 2, 4)]
    return [math.sqrt(share / 6) for part in parts for share in part]


@pytest.mark.parametrize('seed', range(3))
def test_against_the_reference(seed):
    image = photo(seed=seed)
    found = color_texture(image)
    assert found.dtype == np.float32
    assert found.shape == (78, )
    np.testing.assert_allclose(found, reference(image), atol=1e-6)
    assert np.count_nonzero(found) > 30


def test_worked_by_hand():
    """Black is L 0, a 128, b 128 in eight bits; 128 lies 0.529 on the way from bin 7 to bin 8; all neighbours are equal."""
    found = color_texture(np.zeros((16, 16, 3), np.uint8))**2 * 6
    expected = np.zeros(78)
    expected[0] = 1
    for channel in (1, 2):
        expected[16 * channel + 7], expected[16 * channel + 8] = 8 - 128 / 17, 128 / 17 - 7
    expected[[48 + 8, 58 + 8, 68 + 8]] = 1
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize('size', [(12, 12), (13, 200), (97, 61), (256, 256)])
def test_length_one(size):
    assert np.linalg.norm(color_texture(photo(*size))) == pytest.approx(1, abs=1e-5)


def test_what_changes_it():
    image = photo(64, 64)
    found = color_texture(image)
    darker, bluer, blurred = image // 2, np.ascontiguousarray(image[..., ::-1]), cv2.GaussianBlur(image, (7, 7), 2)
    for other, parts in ((darker, slice(0, 16)), (bluer, slice(32, 48)), (blurred, slice(48, 58))):
        assert np.linalg.norm(found[parts] - color_texture(other)[parts]) > 0.1


@pytest.mark.parametrize('turn', [np.fliplr, np.flipud, np.rot90])
def test_what_does_not_change_it(turn):
    for size in ((64, 96), (61, 97)):  # where 4 is no divisor, coarse pixels lie elsewhere in the mirror image
        image = photo(*size)
        turned = color_texture(np.ascontiguousarray(turn(image)))
        np.testing.assert_allclose(color_texture(image), turned, atol=1e-6 if size[0] % 4 == 0 else 0.05)


def test_size_is_no_matter():
    image = photo(64, 64)
    np.testing.assert_allclose(color_texture(np.tile(image, (3, 2, 1)))[:48], color_texture(image)[:48], atol=1e-6)
