"""Make a synthetic data set of 200 long-tailed classes: handwritten digits in 20 colors.

    python benchmarks/data/colored_digits.py --out data/colored_digits

What a limit on the detections of an image does can only be seen with more classes than detections, which no small set of
photographs has. The digits are scikit-learn's, the backgrounds its two sample photographs; no scan is in both parts. Class c,
of a random order, is in 300 (1/150)^(c/199) training images, from 300 to 2, and in 8 validation images.
"""

import argparse
import colorsys
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from imbdet.cli.arguments import run_tool
from imbdet.files import atomic_write
from imbdet.sample_data.class_layout import MAX_BOXES
from imbdet.sample_data.digits import enlarge_scan, split_scans, trace_annotation
from imbdet.sample_data.rendering import DIGIT_SIZES, IMAGE_SIZE, background, photographs, place

HUES, VALUES = 10, (250, 110)  # light and dark inks of each hue
NAMES = [f'{digit}_{hue}{shade}' for digit in range(10) for hue in range(HUES) for shade in ('light', 'dark')]
MOST, FEWEST, VAL_IMAGES = 300, 2, 8
NUM_IMAGES = {'train': 1800, 'val': 250}


class Digit(NamedTuple):
    """A digit of an image: its class, opacity and place."""

    label: int
    opacity: np.ndarray
    x: int
    y: int


def image_counts(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return in how many images of each part each class is."""
    tail = MOST * (FEWEST / MOST)**(np.arange(len(NAMES)) / (len(NAMES) - 1))
    return {'train': rng.permutation(np.rint(tail).astype(int)), 'val': np.full(len(NAMES), VAL_IMAGES)}


def assign(num_images: int, counts: np.ndarray, rng: np.random.Generator) -> list[list[int]]:
    """Choose the images of each class, none twice and none with more boxes than cells."""
    labels: list[list[int]] = [[] for _ in range(num_images)]
    for label in np.argsort(-counts, kind='stable').tolist():
        free = np.array([image for image in range(num_images) if len(labels[image]) < MAX_BOXES])
        if len(free) < counts[label]:
            raise ValueError(f'{num_images} images have no place for {counts[label]} boxes of {NAMES[label]}')
        for image in rng.choice(free, counts[label], replace=False):
            labels[image].append(label)
    return labels


def ink(label: int) -> np.ndarray:
    """Return the color of a class, RGB in [0, 255]."""
    hue, shade = divmod(label % (2 * HUES), 2)
    return np.array(colorsys.hsv_to_rgb(hue / HUES, 0.9, VALUES[shade] / 255), np.float32) * 255


def digits(labels: list[int], scans: list[np.ndarray], rng: np.random.Generator) -> Iterator[Digit]:
    """Draw and place the digits of an image, one to a cell."""
    cells = rng.permutation(MAX_BOXES)
    for label, cell in zip(labels, cells, strict=False):
        scan = rng.choice(scans[label // (2 * HUES)])
        opacity = enlarge_scan(scan, int(rng.integers(*DIGIT_SIZES, endpoint=True)))
        yield Digit(label, opacity, *place(cell, *opacity.shape, rng))


def render(scene: np.ndarray, placed: list[Digit], rng: np.random.Generator) -> np.ndarray:
    """Paint the digits, and add noise; RGB, uint8."""
    image = scene.copy()
    for digit in placed:
        height, width = digit.opacity.shape
        region = image[digit.y:digit.y + height, digit.x:digit.x + width]
        region += digit.opacity[..., None] * (ink(digit.label) - region)
    return np.clip(np.rint(image + rng.normal(0, 2, image.shape)), 0, 255).astype(np.uint8)


def make(out: Path, seed: int = 0) -> None:
    """Write images and annotations in COCO's format."""
    rng = np.random.default_rng(seed)
    scans, photos, counts = split_scans(rng), photographs(), image_counts(rng)
    (out / 'images').mkdir(parents=True, exist_ok=True)
    for part, part_scans in zip(('train', 'val'), scans, strict=True):
        images, annotations = [], []
        held = assign(NUM_IMAGES[part], counts[part], rng)
        for image_id, labels in enumerate(tqdm(held, unit='image', desc=part, disable=None), start=1):
            placed = list(digits(labels, part_scans, rng))
            name = f'{part}_{image_id:06d}.png'
            if not cv2.imwrite(str(out / 'images' / name), render(background(photos, rng), placed, rng)[..., ::-1]):
                raise OSError(f'could not write {out / "images" / name}')
            images.append({'id': image_id, 'file_name': name, 'width': IMAGE_SIZE, 'height': IMAGE_SIZE})
            for digit in placed:
                polygons, box, area = trace_annotation(digit.opacity, digit.x, digit.y)
                annotations.append({'id': len(annotations) + 1, 'image_id': image_id, 'category_id': digit.label + 1,
                                    'bbox': box, 'area': area, 'segmentation': polygons, 'iscrowd': 0})
        with atomic_write(out / f'{part}.json') as path:
            path.write_text(json.dumps({
                'images': images, 'annotations': annotations,
                'categories': [{'id': number, 'name': name} for number, name in enumerate(NAMES, start=1)]}))


def main() -> None:
    """Make the data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, required=True, help='folder to write')
    parser.add_argument('--seed', type=int, default=0, help='random seed (default: %(default)s)')
    run_tool(parser, lambda arguments: make(arguments.out, arguments.seed))


if __name__ == '__main__':
    main()
