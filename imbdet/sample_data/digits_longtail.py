"""Creation of the sample data set: long-tailed handwritten digits in LVIS format, with paired infrared images."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from imbdet.classes.frequency_groups import frequency_groups
from imbdet.sample_data.class_layout import CLASSES, MAX_BOXES, assign_images
from imbdet.sample_data.digits import enlarge_scan, split_scans, trace_annotation
from imbdet.sample_data.rendering import (
    APPEARANCES,
    DIGIT_SIZES,
    IMAGE_SIZE,
    Sprite,
    background,
    photographs,
    place,
    render_infrared,
    render_visible,
)

VERSION = '1.1'
NUM_IMAGES = {'train': 600, 'val': 200}
APPEARANCE_SHARES = {'train': (0.70, 0.22, 0.08), 'val': (0.60, 0.25, 0.15)}
NOT_EXHAUSTIVE_SHARE = 0.05
"""Share of the images with several boxes of a class in which one of them is left unannotated, as LVIS does."""


def annotation_path(root: str | Path, split: str) -> Path:
    """Return the path of the annotation file of a split such as ``'train'``, ``'val'`` or ``'val_night'`` in the folder."""
    return Path(root) / 'annotations' / f'digits_longtail_{split}.json'


def is_complete(root: str | Path, seed: int = 0) -> bool:
    """Return whether the folder contains this version of the data set, made with this seed."""
    path = annotation_path(root, 'val')
    if not path.is_file():
        return False
    info = json.loads(path.read_text())['info']
    return (info['version'], info['seed']) == (VERSION, seed)


def make_digits_longtail(root: str | Path, seed: int = 0, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write the data set: 600 training and 200 validation images of 160 x 160, visible and infrared.

    Files are ``visible/{train,val}/000001.jpg``, ``infrared/{train,val}/000001.jpg`` and
    ``annotations/digits_longtail_{train,val}.json``, and for the validation images of each appearance
    ``annotations/digits_longtail_val_{daylight,dusk,night}.json``.

    Args:
        root: Folder to write; it is created when all files are complete. An older data set there is replaced.
        seed: Random seed; the same seed gives the same files.
        progress: Called with the number of images written so far and the total.

    Returns:
        The folder.

    Raises:
        FileExistsError: If the folder contains anything other than such a data set.
    """
    root = Path(root)
    if root.exists() and any(root.iterdir()) and not annotation_path(root, 'val').is_file():
        raise FileExistsError(f'{root} is not empty and not a digits_longtail data set; choose another folder')
    root.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    scans = split_scans(rng)
    photos = photographs()
    scratch = Path(tempfile.mkdtemp(dir=root.parent, prefix=f'.{root.name}-'))
    scratch.chmod(0o755)
    old = scratch.with_name(f'{scratch.name}-old')
    try:
        done = 0
        train_counts: list[dict] = []
        for split, split_scan in zip(('train', 'val'), scans, strict=True):
            annotations = _Split(scratch, split, split_scan, photos, rng)
            for _ in annotations.write_images():
                done += 1
                if progress:
                    progress(done, sum(NUM_IMAGES.values()))
            train_counts = train_counts or annotations.categories()
            annotations.write_annotations(train_counts, seed)
        if root.exists():
            root.rename(old)  # atomic, unlike removing: a run that is killed leaves no partial data set
        scratch.rename(root)
    finally:
        for folder in (scratch, old):
            shutil.rmtree(folder, ignore_errors=True)
    return root


class _Split:
    """Images and annotations of one split while they are created."""

    def __init__(self, root: Path, split: str, scans: list[np.ndarray], photos: list[np.ndarray],
                 rng: np.random.Generator) -> None:
        self.root, self.split, self.scans, self.photos, self.rng = root, split, scans, photos, rng
        self.images: list[dict] = []
        self.annotations: list[dict] = []
        number = NUM_IMAGES[split]
        counts = [plan.train_images if split == 'train' else plan.val_images for plan in CLASSES]
        self.held = assign_images(number, counts, rng)
        per_appearance = np.rint(np.array(APPEARANCE_SHARES[split]) * number).astype(int)
        self.appearances = rng.permutation(np.repeat(APPEARANCES, per_appearance))

    def write_images(self):
        """Write all images, yielding after each."""
        for camera in ('visible', 'infrared'):
            (self.root / camera / self.split).mkdir(parents=True)
        for image_id, (held, appearance) in enumerate(zip(self.held, self.appearances, strict=True), start=1):
            scene = background(self.photos, self.rng)
            sprites, not_exhaustive = self._sprites(image_id, held)
            name = f'{self.split}/{image_id:06d}.jpg'
            visible = render_visible(scene, sprites, appearance, self.rng)
            infrared = render_infrared(scene, sprites, appearance, self.rng)
            quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
            for camera, pixels in (('visible', visible[..., ::-1]), ('infrared', infrared)):
                if not cv2.imwrite(str(self.root / camera / name), pixels, quality):
                    raise OSError(f'could not write {self.root / camera / name}')
            self.images.append({
                'id': image_id, 'file_name': name, 'coco_url': name, 'width': IMAGE_SIZE, 'height': IMAGE_SIZE,
                'appearance': str(appearance), 'not_exhaustive_category_ids': not_exhaustive,
                'neg_category_ids': [index + 1 for index in range(len(CLASSES)) if index not in held]
            })
            yield

    def _sprites(self, image_id: int, held: list[int]) -> tuple[list[Sprite], list[int]]:
        """Place and annotate the digits of an image; return them and the classes that are not exhaustively annotated."""
        cells = iter(self.rng.permutation(MAX_BOXES))
        sprites, not_exhaustive = [], []
        for position in held:
            plan = CLASSES[position]
            unannotated = plan.boxes > 1 and self.rng.random() < NOT_EXHAUSTIVE_SHARE
            if unannotated:
                not_exhaustive.append(position + 1)
            for number in range(plan.boxes):
                scan = self.rng.choice(self.scans[plan.digit])
                opacity = enlarge_scan(scan, int(self.rng.integers(*DIGIT_SIZES, endpoint=True)))
                height, width = opacity.shape
                x, y = place(next(cells), height, width, self.rng)
                sprites.append(Sprite(opacity, x, y, plan.ink))
                if not (unannotated and number == 0):
                    self._annotate(image_id, position, opacity, x, y)
        return sprites, not_exhaustive

    def _annotate(self, image_id: int, position: int, opacity: np.ndarray, x: int, y: int) -> None:
        polygons, box, area = trace_annotation(opacity, x, y)
        self.annotations.append({'id': len(self.annotations) + 1, 'image_id': image_id, 'category_id': position + 1,
                                 'bbox': box, 'area': area, 'segmentation': polygons, 'iscrowd': 0})

    def categories(self) -> list[dict]:
        """Count images and boxes of each class."""
        held = [{box['image_id'] for box in self.annotations if box['category_id'] == index + 1}
                for index in range(len(CLASSES))]
        boxes = np.bincount([box['category_id'] - 1 for box in self.annotations], minlength=len(CLASSES))
        groups = frequency_groups([len(images) for images in held])
        return [{'id': index + 1, 'name': plan.name, 'synset': plan.name, 'frequency': str(groups[index]),
                 'image_count': len(held[index]), 'instance_count': int(boxes[index])}
                for index, plan in enumerate(CLASSES)]

    def write_annotations(self, categories: list[dict], seed: int) -> None:
        """Write the LVIS file, and for validation images one file per appearance."""
        self._write(self.split, self.images, categories, seed)
        if self.split == 'val':
            for appearance in APPEARANCES:
                images = [image for image in self.images if image['appearance'] == appearance]
                self._write(f'val_{appearance}', images, categories, seed)

    def _write(self, name: str, images: list[dict], categories: list[dict], seed: int) -> None:
        path = annotation_path(self.root, name)
        path.parent.mkdir(exist_ok=True)
        ids = {image['id'] for image in images}
        info = {'description': 'digits_longtail, a sample data set of imbdet', 'version': VERSION, 'seed': seed}
        path.write_text(json.dumps({
            'info': info, 'licenses': [], 'images': images, 'categories': categories,
            'annotations': [box for box in self.annotations if box['image_id'] in ids]}))
