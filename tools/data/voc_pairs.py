"""Conversion of image pairs with Pascal VOC XML files to COCO format, shared by the converters of LLVIP, FLIR and KAIST."""

import contextlib
import difflib
import hashlib
import json
import math
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tqdm import tqdm

from imbdet.annotations import AnnotationError
from imbdet.data.image_header import image_header
from imbdet.files import atomic_write


class Files(NamedTuple):
    """The files of one kind by their keys; ``pattern`` is a path with * instead of the key."""
    kind: str
    pattern: Path
    paths: dict[str, Path]


class Pair(NamedTuple):
    """Two images of a scene, the file of their boxes, and the id and name under which they are written."""
    id: int
    file_name: str
    visible: Path
    infrared: Path
    labels: Path


class Box(NamedTuple):
    """An object of a label file; ``corners`` are x1, y1, x2, y2, inside the image."""
    label: str
    corners: tuple[float, float, float, float]
    difficult: bool
    clipped: bool


NO_LABELS: Mapping[str, str] = MappingProxyType({})
Reader = Callable[[Path, bytes, Path, tuple[int, int], Sequence[str]], list[Box]]
"""The signature of :func:`read_boxes`."""


def find_files(kind: str, pattern: Path, key: Callable[[str], str]) -> Files:
    """Find the files of a pattern; raise unless there are some and their keys, from their stems, are valid and unique."""
    if not pattern.parent.is_dir():
        raise FileNotFoundError(f'folder not found: {pattern.parent}; unpack the data set there')
    paths: dict[str, Path] = {}
    for path in sorted(pattern.parent.glob(pattern.name)):
        try:
            name = key(path.stem)
        except ValueError as error:
            raise ValueError(f'{path}: {error}; rename or remove it') from error
        if name in paths:
            raise ValueError(f'{paths[name]} and {path} are both the {kind} of {name}; remove one of them')
        paths[name] = path
    if not paths:
        raise FileNotFoundError(f'no files {pattern.name} in {pattern.parent}; unpack the data set there')
    return Files(kind, pattern, paths)


def check_partners(ours: Files, others: Files) -> None:
    """Raise FileNotFoundError unless each of ``ours`` has a partner in ``others``."""
    lonely = sorted(set(ours.paths) - set(others.paths))
    if lonely:
        partner = others.pattern.with_name(others.pattern.name.replace('*', lonely[0]))
        raise FileNotFoundError(f'{ours.paths[lonely[0]]} has no {others.kind} {partner} ({len(lonely)} have none); add it '
                                f'or remove the {ours.kind}')


def read_boxes(path: Path, content: bytes, image: Path, size: tuple[int, int], labels: Sequence[str]) -> list[Box]:
    """Parse an XML file.

    Args:
        path: The file, for messages.
        content: Its content.
        image: The image that it belongs to, for messages.
        size: Width and height of the image.
        labels: The allowed names of objects.

    Returns:
        The objects, clipped to the image.

    Raises:
        AnnotationError: With file and object, if one is wrong or the size in the file differs from the image.
    """
    try:
        root = ET.fromstring(content)
    except (ET.ParseError, LookupError, ValueError) as error:  # the last two: an encoding that expat does not support
        raise AnnotationError(f'{path} is not readable XML ({error}); unpack it again') from error
    if root.tag.lower() != 'annotation':
        raise AnnotationError(f'{path}: the outermost element is <{root.tag}>, not <annotation>; this is not a file of boxes, '
                              'unpack it again')
    boxes = []
    place = f'{path}, size'
    try:
        _check_size(root.find('size'), image, size)
        for number, element in enumerate(root.findall('object'), 1):
            place = f'{path}, object {number}'
            boxes.append(_parse_object(element, size, labels))
    except ValueError as error:
        raise AnnotationError(f'{place}: {error}') from error
    return boxes


def _check_size(element: ET.Element | None, image: Path, size: tuple[int, int]) -> None:
    for key, pixels in zip(('width', 'height'), size, strict=True):
        if element is not None and element.find(key) is not None and _number(element, key) != pixels:
            raise ValueError(f'{key} is {_number(element, key):g}, but {image} has {size[0]} x {size[1]} pixels; take images '
                             'and boxes from one release')


def _parse_object(element: ET.Element, size: tuple[int, int], labels: Sequence[str]) -> Box:
    label = (element.findtext('name') or '').strip()
    check_label(label, labels)
    difficult = (element.findtext('difficult') or '0').strip()
    if difficult not in ('0', '1'):
        raise ValueError(f'difficult must be 0 or 1, got {difficult!r}; correct it')
    bounds = element.find('bndbox')
    if bounds is None:
        raise ValueError('there is no bndbox; add it or remove the object')
    if bounds.find('w') is None:
        x1, y1, x2, y2 = (_number(bounds, key) for key in ('xmin', 'ymin', 'xmax', 'ymax'))
    else:  # some XML files of KAIST
        x1, y1, width, height = (_number(bounds, key) for key in ('x', 'y', 'w', 'h'))
        x2, y2 = x1 + width, y1 + height
    return make_box(label, (x1, y1, x2, y2), size, difficult == '1')


def check_label(label: str, labels: Sequence[str]) -> None:
    """Raise ValueError unless ``label`` is one of ``labels``."""
    if label not in labels:
        nearest = difflib.get_close_matches(label, labels, n=1, cutoff=0)[0]
        raise ValueError(f'unknown label {label!r}; did you mean {nearest!r}? Correct it or remove the object')


def make_box(label: str, corners: tuple[float, float, float, float], size: tuple[int, int], difficult: bool) -> Box:
    """Clip a box to its image's width and height; raise ValueError if nothing of it is inside."""
    x1, y1, x2, y2 = corners
    if x2 <= x1 or y2 <= y1:
        raise ValueError(f'the box from x {x1:g} to {x2:g} and y {y1:g} to {y2:g} has no positive size; correct or remove it')
    inside = max(x1, 0.0), max(y1, 0.0), min(x2, float(size[0])), min(y2, float(size[1]))
    if inside[2] <= inside[0] or inside[3] <= inside[1]:
        raise ValueError(f'the box from x {x1:g} to {x2:g} and y {y1:g} to {y2:g} is outside its image of {size[0]} x '
                         f'{size[1]} pixels; correct or remove it')
    return Box(label, inside, difficult, inside != corners)


def _number(element: ET.Element, key: str) -> float:
    text = element.findtext(key)
    if text is None:
        raise ValueError(f'there is no {key}; add it')
    return finite(key, text)


def finite(key: str, text: str) -> float:
    """Return a number; raise ValueError that names ``key`` if ``text`` is none."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f'{key} must be a number, got {text!r}; correct it')
    return value


def convert(pairs: Sequence[Pair],
            classes: Sequence[str],
            labels: Sequence[str],
            ignored: Mapping[str, str] = NO_LABELS,
            read: Reader = read_boxes) -> tuple[dict, list[Box]]:
    """Read the pairs' images and boxes.

    Args:
        pairs: In the order in which they are written.
        classes: Labels that are written, in the order of their category ids, from 1.
        labels: All labels that are allowed in the files.
        ignored: Labels whose boxes become crowd boxes, and the class that they are ignored for.
        read: Parses a label file, by default Pascal VOC's XML.

    Returns:
        The content of a COCO annotation file, whose ``info`` contains the sha256 of the concatenated label files, and all
        boxes that were read, including skipped ones.

    Raises:
        AnnotationError: If a label file is wrong.
        ValueError: If an image cannot be read, or the sizes of a pair's images differ.
    """
    images: list[dict] = []
    annotations: list[dict] = []
    boxes: list[Box] = []
    digest = hashlib.sha256()
    for pair in tqdm(pairs, unit='pair', disable=None):
        size, other = image_header(pair.visible).shown_size, image_header(pair.infrared).shown_size
        if size != other:
            raise ValueError(f'{pair.visible} has {size[0]} x {size[1]} pixels, but {pair.infrared} has {other[0]} x '
                             f'{other[1]}; take the images that their authors aligned')
        images.append({'id': pair.id, 'file_name': pair.file_name, 'width': size[0], 'height': size[1]})
        content = pair.labels.read_bytes()
        digest.update(content)
        in_image = read(pair.labels, content, pair.visible, size, labels)
        boxes += in_image
        for box in in_image:
            name = ignored.get(box.label, box.label)
            if name in classes:
                x1, y1, x2, y2 = box.corners
                # Ids start at 1: pycocotools treats a match with annotation 0 as no match.
                annotations.append({'id': len(annotations) + 1, 'image_id': pair.id,
                                    'category_id': classes.index(name) + 1, 'bbox': [x1, y1, x2 - x1, y2 - y1],
                                    'area': (x2 - x1) * (y2 - y1),
                                    'iscrowd': int(box.difficult or box.label in ignored)})
    categories = [{'id': number, 'name': name} for number, name in enumerate(classes, 1)]
    return {'info': {'annotations_sha256': digest.hexdigest()}, 'images': images, 'annotations': annotations,
            'categories': categories}, boxes


def print_counts(boxes: Sequence[Box],
                 classes: Sequence[str],
                 labels: Sequence[str],
                 ignored: Mapping[str, str] = NO_LABELS) -> None:
    """Print how the boxes of each label were written, and warnings about odd ones; arguments as for :func:`convert`."""
    counts = Counter(box.label for box in boxes)
    print(f'{"label":<16}{"boxes":>8}  written as')
    for label in labels:
        name = ignored.get(label, label)
        text = f'{"ignored for" if label in ignored else "object of"} {name}' if name in classes else 'left out'
        print(f'{label:<16}{counts[label]:>8}  {text}')
    written = [box for box in boxes if ignored.get(box.label, box.label) in classes]
    clipped = sum(box.clipped for box in written)
    if clipped:
        print(f'{clipped} boxes extended beyond their image and were clipped to it')
    thin = sum(min(x2 - x1, y2 - y1) < 1 for x1, y1, x2, y2 in (box.corners for box in written))
    if thin:
        print(f'{thin} boxes are less than a pixel wide or high: mmdet drops them in training, the evaluation does not')


def write_contents(contents: dict[Path, dict]) -> None:
    """Write COCO files, all of them or none, and print a summary of each."""
    with contextlib.ExitStack() as stack:
        for path, content in contents.items():
            stack.enter_context(atomic_write(path)).write_text(json.dumps(content))
    for path, content in contents.items():
        crowds = sum(box['iscrowd'] for box in content['annotations'])
        empty = len(content['images']) - len({box['image_id'] for box in content['annotations']})
        print(f'wrote {path}: {len(content["images"])} pairs, {len(content["annotations"]) - crowds} objects, {crowds} crowd '
              f'boxes (difficult or ignored), {empty} pairs without a box')
