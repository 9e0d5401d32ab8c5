"""Boxes, polygons and run lengths against pixels that Pillow turns and scales."""

import copy

import numpy as np
import pytest
from PIL import Image, ImageOps
from pycocotools import mask as coco_mask

from imbdet.annotations.fixes.move import Scale, Turn, move_annotation

WIDTH, HEIGHT = 60, 40


def turned(pixels, orientation):
    """Pixels as Pillow shows an image that has them stored."""
    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


def run_lengths(pixels, is_compressed):
    """A mask as JSON holds it; uncompressed counts are computed by a loop."""
    if is_compressed:
        encoded = coco_mask.encode(np.asfortranarray(pixels))
        return {'size': [*encoded['size']], 'counts': encoded['counts'].decode()}
    counts, last = [0], 0
    for pixel in pixels.T.ravel().tolist():
        if pixel != last:
            counts.append(0)
            last = pixel
        counts[-1] += 1
    return {'size': [*pixels.shape], 'counts': counts}


@pytest.fixture
def pixels():
    """A rectangle with a corner cut out, so that no two orientations look the same."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[5:25, 8:50] = 1
    mask[5:12, 8:20] = 0
    return mask


def bounds(mask):
    rows, columns = np.nonzero(mask)
    return [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('is_compressed', [True, False])
def test_turning_by_every_exif_orientation(pixels, orientation, is_compressed):
    polygon = [20, 5, 50, 5, 50, 25, 8, 25, 8, 12, 20, 12]
    shown = turned(pixels, orientation)
    for segmentation in (run_lengths(pixels, is_compressed), [polygon], polygon):
        annotation = {'bbox': [8, 5, 42, 20], 'segmentation': copy.deepcopy(segmentation)}
        move_annotation(annotation, Turn(orientation, WIDTH, HEIGHT))
        assert annotation['bbox'] == bounds(shown)
        assert type(annotation['segmentation']) is type(segmentation)
        moved = [annotation['segmentation']] if segmentation is polygon else annotation['segmentation']
        mask = moved if isinstance(moved, dict) else coco_mask.merge(coco_mask.frPyObjects(moved, *shown.shape))
        assert (coco_mask.decode(mask) == shown).all()


@pytest.mark.parametrize('new_size', [(120, 80), (30, 20), (90, 60), (61, 41)])
def test_scaling_to_another_size(pixels, new_size):
    scaled = np.asarray(Image.fromarray(pixels).resize(new_size, Image.Resampling.NEAREST))
    annotation = {'bbox': [8, 5, 42, 20], 'segmentation': run_lengths(pixels, True)}
    move_annotation(annotation, Scale((WIDTH, HEIGHT), new_size))
    assert (coco_mask.decode(annotation['segmentation']) == scaled).all()
    np.testing.assert_allclose(annotation['bbox'], bounds(scaled), atol=1)
    annotation = {'segmentation': [[8, 5, 50, 5, 50, 25]]}
    move_annotation(annotation, Scale((WIDTH, HEIGHT), new_size))
    ratios = np.array(new_size) / (WIDTH, HEIGHT)
    np.testing.assert_allclose(np.reshape(annotation['segmentation'], (3, 2)), np.array([[8, 5], [50, 5], [50, 25]]) * ratios)


@pytest.mark.parametrize('annotation', [
    {'bbox': None}, {'bbox': [1, 2, 3]}, {'segmentation': None}, {'segmentation': [[1, 2, 3]]}, {'segmentation': 'x'},
    {'segmentation': {'size': [WIDTH, HEIGHT], 'counts': [WIDTH * HEIGHT]}},
    {'segmentation': {'size': [40, 60], 'counts': 'o'}},
])
def test_what_is_malformed_stays(annotation):
    before = copy.deepcopy(annotation)
    move_annotation(annotation, Turn(6, WIDTH, HEIGHT))
    assert annotation == before
