"""Convert hdBPMN, hand-drawn process diagrams, to COCO format: ``tools/data/hdbpmn2coco.py HDBPMN_ROOT --out data/hdbpmn``.

HDBPMN_ROOT is a checkout of https://github.com/dwslab/hdBPMN at v1.0.0 (CC BY 4.0; Schaefer et al., CAiSE 2021). The parts are
the official split by writers. Images are written to OUT/images, with their longest side resized to --max-size, and boxes to
OUT/train.json, val.json and test.json. Boxes are those of shapes; arrows and texts have none.
"""

import argparse
import contextlib
import csv
import json
import math
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from tqdm import tqdm

from imbdet.annotations import AnnotationError
from imbdet.cli.arguments import run_tool
from imbdet.data.image_header import image_header
from imbdet.files import atomic_write

PARTS = ('train', 'val', 'test')
CLASSES = ('task', 'exclusiveGateway', 'pool', 'endEvent', 'dataObjectReference', 'lane', 'parallelGateway',
           'startEvent_message', 'intermediateCatchEvent_message', 'startEvent', 'intermediateCatchEvent_timer',
           'intermediateThrowEvent_message', 'dataStoreReference', 'endEvent_message', 'textAnnotation', 'eventBasedGateway',
           'subProcess', 'startEvent_timer', 'endEvent_terminate', 'callActivity', 'intermediateThrowEvent',
           'inclusiveGateway')
"""From the most to the least frequent; of an event, the kind is behind the underscore."""
JPEG_QUALITY = 85
MOST_OUTSIDE = 0.03
"""Boxes may be beyond their image by this share of its width or height, and are clipped; further out, the labels are wrong."""
DI = '{http://www.omg.org/spec/BPMN/20100524/DI}'
DC = '{http://www.omg.org/spec/DD/20100524/DC}'


class Shape(NamedTuple):
    """A labeled shape; ``box`` is x, y, width and height in pixels of the image that the annotators saw."""
    label: str
    box: tuple[float, ...]


class Diagram(NamedTuple):
    """Content of a label file; ``shown_width`` is the width of the image that the annotators saw, in pixels."""
    shown_width: float
    shapes: list[Shape]


def read_split(path: Path) -> dict[str, str]:
    """Read the part of each writer."""
    with path.open(newline='', encoding='utf-8') as file:
        split = {row['writer']: row['split'] for row in csv.DictReader(file)}
    for writer, part in split.items():
        if part not in PARTS:
            raise ValueError(f'{path}: the split of {writer} must be one of {", ".join(PARTS)}, got {part!r}')
    return split


def find_diagrams(root: Path, left_out: Path | None) -> dict[Path, Path]:
    """Return the image of each label file, in the order of names; raise FileNotFoundError if one has none."""
    labels = {path.stem: path for path in sorted((root / 'data/annotations').glob('*/*.bpmn'), key=lambda path: path.stem)}
    if not labels:
        raise FileNotFoundError(f'no files *.bpmn in {root / "data/annotations"}; check out hdBPMN there')
    for name in left_out.read_text(encoding='utf-8').split() if left_out else ():
        if labels.pop(name, None) is None:
            raise ValueError(f'{left_out}: {name!r} is not the name of an image of {root}, or is there twice; remove the line')
    images = {path.stem: path for path in (root / 'data/images').glob('*/*') if path.suffix in ('.jpg', '.png')}
    lonely = [name for name in labels if name not in images]
    if lonely:
        raise FileNotFoundError(f'{labels[lonely[0]]} has no image {lonely[0]}.jpg or .png ({len(lonely)} have none); check it '
                                'out, or list the names that have none in a file for --leave-out')
    unlabeled = len(images) - len(labels)
    if unlabeled:
        print(f'images that have no labels or are listed in --leave-out, skipped: {unlabeled}')
    return {path: images[name] for name, path in labels.items()}


def read_diagram(path: Path) -> Diagram:
    """Read a label file; raise AnnotationError with file and shape if it is wrong."""
    text = path.read_text(encoding='utf-8')
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise AnnotationError(f'{path} is not readable XML ({error}); check it out again') from error
    comment = re.search(r'<!-- *\{"backgroundSize": *([0-9.]+)\} *-->', text)
    if comment is None or float(comment[1]) <= 0:
        raise AnnotationError(f'{path} has no comment with backgroundSize, the width of the labeled image; check it out again')
    elements = {element.get('id'): element for element in root.iter()}
    shapes = []
    for shape in root.iter(f'{DI}BPMNShape'):
        name = shape.get('bpmnElement')
        try:
            shapes.append(Shape(class_of(elements[name]), box_of(shape)))
        except (KeyError, ValueError) as error:
            reason = str(error) if isinstance(error, ValueError) else 'there is no element of this id'
            raise AnnotationError(f'{path}, shape of {name}: {reason}; check it out again') from error
    return Diagram(float(comment[1]), shapes)


def class_of(element: ET.Element) -> str:
    """Return the class of an element; raise ValueError if it is unknown."""
    tags = [child.tag.rpartition('}')[2] for child in (element, *element)]
    kinds = [tag.removesuffix('EventDefinition') for tag in tags[1:] if tag.endswith('EventDefinition')]
    label = '_'.join(['pool' if tags[0] == 'participant' else tags[0], *kinds])
    if label not in CLASSES:
        raise ValueError(f'unknown class {label!r}')
    return label


def box_of(shape: ET.Element) -> tuple[float, ...]:
    """Return x, y, width and height of a shape; raise ValueError if it has none."""
    bounds = shape.find(f'{DC}Bounds')
    try:
        box = tuple(float(bounds.attrib[key]) for key in ('x', 'y', 'width', 'height'))  # type: ignore[union-attr]
    except (AttributeError, KeyError, ValueError):
        raise ValueError('the Bounds have no numbers x, y, width and height') from None
    if not all(map(math.isfinite, box)) or min(box[2:]) <= 0:
        raise ValueError(f'x and y must be finite, width and height positive, got {", ".join(map(str, box))}')
    return box


def scale_boxes(diagram: Diagram, original: tuple[int, int], size: tuple[int, int], scale: float) -> list[list[float]] | None:
    """Convert boxes to pixels of the written image and clip them to it.

    Args:
        diagram: The boxes.
        original: Width and height of the image.
        size: Width and height of the written image.
        scale: Size of the written image / size of the image, before rounding to pixels.

    Returns:
        x, y, width and height of each box; None if one is too far outside the image.
    """
    factor = scale / (diagram.shown_width / original[0])
    boxes = []
    for shape in diagram.shapes:
        x, y, width, height = (value * factor for value in shape.box)
        outside = max(-x / size[0], (x + width) / size[0] - 1, -y / size[1], (y + height) / size[1] - 1)
        if outside > MOST_OUTSIDE:
            return None
        left, top = max(0, x), max(0, y)
        boxes.append([left, top, min(size[0], x + width) - left, min(size[1], y + height) - top])
    return boxes


def write_resized(source: Path, target: Path, size: tuple[int, int]) -> None:
    """Write an image in another size."""
    try:
        with atomic_write(target) as temporary, Image.open(source) as image:
            image.convert('RGB').resize(size, Image.Resampling.BICUBIC).save(temporary, quality=JPEG_QUALITY)
    except (OSError, SyntaxError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # from the operating system; it names the file
            raise
        raise ValueError(f'{source} is not a readable image; check it out again') from error


def convert(diagrams: dict[Path, Path], split: dict[str, str], out: Path, max_size: int) -> dict[str, dict]:
    """Write the images, and return the contents of the annotation files.

    Ids of images count all diagrams, and ids of boxes all of a part: also those that are left out because of wrong labels.
    """
    contents: dict[str, dict] = {part: {'info': {}, 'images': [], 'annotations': [], 'categories': [
        {'id': number, 'name': name} for number, name in enumerate(CLASSES, 1)]} for part in PARTS}
    next_id = dict.fromkeys(PARTS, 1)
    for image_id, (path, image) in enumerate(tqdm(diagrams.items(), unit='image', disable=None), 1):
        part = split.get(path.stem.partition('_')[2])
        if part is None:
            raise ValueError(f'{path}: data/writer_split.csv has no writer {path.stem.partition("_")[2]!r}; add it')
        diagram, original = read_diagram(path), image_header(image).shown_size
        scale = max_size / max(original) if max_size else 1.0
        size = round(original[0] * scale), round(original[1] * scale)
        boxes = scale_boxes(diagram, original, size, scale)
        first_id = next_id[part]
        next_id[part] += len(diagram.shapes)
        if boxes is None:
            tqdm.write(f'{path.stem} is left out: a box is beyond the image by more than {MOST_OUTSIDE:.0%} of its size')
            continue
        name = f'{path.stem}.jpg' if max_size else image.relative_to(image.parents[1]).as_posix()
        if max_size:
            write_resized(image, out / 'images' / name, size)
        contents[part]['images'].append({'id': image_id, 'file_name': name, 'width': size[0], 'height': size[1]})
        contents[part]['annotations'] += [
            {'id': number, 'image_id': image_id, 'category_id': CLASSES.index(shape.label) + 1,
             'bbox': [round(value, 2) for value in box], 'area': round(box[2] * box[3], 2), 'iscrowd': 0}
            for number, (shape, box) in enumerate(zip(diagram.shapes, boxes, strict=True), first_id)]
    return contents


def print_counts(contents: dict[str, dict]) -> None:
    """Print the number of boxes of each class."""
    counts = {part: Counter(box['category_id'] for box in content['annotations']) for part, content in contents.items()}
    print(f'{"class":<32}' + ''.join(f'{part:>7}' for part in PARTS))
    for number, name in enumerate(CLASSES, 1):
        print(f'{name:<32}' + ''.join(f'{counts[part][number]:>7}' for part in PARTS))


def run(arguments: argparse.Namespace) -> None:
    """Convert all parts, then write their files; an error leaves none."""
    if arguments.max_size < 0:
        raise ValueError(f'--max-size must be positive, or 0 to keep the images, got {arguments.max_size}')
    split = read_split(arguments.hdbpmn_root / 'data/writer_split.csv')
    diagrams = find_diagrams(arguments.hdbpmn_root, arguments.leave_out)
    contents = convert(diagrams, split, arguments.out, arguments.max_size)
    print_counts(contents)
    paths = {arguments.out / f'{part}.json': content for part, content in contents.items()}
    with contextlib.ExitStack() as stack:
        for path, content in paths.items():
            stack.enter_context(atomic_write(path)).write_text(json.dumps(content, separators=(',', ':')))
    for path, content in paths.items():
        print(f'wrote {path}: {len(content["images"])} images, {len(content["annotations"])} boxes')


def main() -> None:
    """Read the command line and convert."""
    parser = argparse.ArgumentParser(description="Convert hdBPMN's hand-drawn process diagrams to COCO format")
    parser.add_argument('hdbpmn_root', type=Path, help='folder with data/annotations, data/images and data/writer_split.csv')
    parser.add_argument('--out', type=Path, required=True, help='folder to write to, such as data/hdbpmn')
    parser.add_argument('--max-size', type=int, default=640,
                        help='longest side of the written images; 0: none are written, and file names are relative to '
                             'HDBPMN_ROOT/data/images (default: %(default)s)')
    parser.add_argument('--leave-out', type=Path, help='file with names of diagrams that are left out, such as ex00_writer0105')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
