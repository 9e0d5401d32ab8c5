"""Convert KITTI's 2D object labels to COCO format: ``tools/data/kitti2coco.py KITTI_ROOT [--split-folder FOLDER]``.

Types that KITTI's own evaluation counts neither as objects nor as false positives become crowd boxes, which COCO's evaluation
also ignores, but more leniently: it ignores a detection by the share of it inside the crowd box, whereas KITTI uses the IoU
with a Van or Person_sitting. KITTI's levels easy, moderate and hard have no counterpart: every object counts.
"""

import argparse
import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from imbdet.annotations import AnnotationError
from imbdet.cli.arguments import run_tool
from imbdet.data.image_header import image_header
from imbdet.files import atomic_write

CLASSES = ('Car', 'Van', 'Truck', 'Pedestrian', 'Person_sitting', 'Cyclist', 'Tram', 'Misc')
TYPES = (*CLASSES, 'DontCare')
NEIGHBORS = {'Van': 'Car', 'Person_sitting': 'Pedestrian'}
LABEL_KEYS = 'type truncated occluded alpha x1 y1 x2 y2 h w l x y z rotation_y'


class Label(NamedTuple):
    """A line of a label file; ``box`` is x1, y1, x2, y2, inside the image."""
    type: str
    truncated: float
    occluded: int
    box: tuple[float, float, float, float]
    clipped: bool


def check_classes(classes: Sequence[str]) -> None:
    """Raise ValueError unless ``classes`` are types of objects, each once."""
    for name, count in Counter(classes).items():
        if name not in CLASSES:
            raise ValueError(f'--classes: KITTI has no class {name!r}; choose from {", ".join(CLASSES)}')
        if count > 1:
            raise ValueError(f'--classes: {name} appears more than once; list each class once')


def image_stems(training: Path) -> list[str]:
    """Return the file names of the images without suffix, ascending; raise unless images and label files pair up."""
    folders = training / 'image_2', training / 'label_2'
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(f'folder not found: {folder}; unpack the left color images and the training labels of '
                                    "KITTI's object benchmark into KITTI_ROOT")
    images, labels = ({path.stem: path for path in folder.glob(f'*.{suffix}')}
                      for folder, suffix in zip(folders, ('png', 'txt'), strict=True))
    if not images:
        raise FileNotFoundError(f'no .png images in {folders[0]}; unpack the left color images of KITTI into it')
    for path in sorted([*images.values(), *labels.values()]):
        if not (len(path.stem) == 6 and path.stem.isascii() and path.stem.isdigit()):
            raise ValueError(f'{path}: the name is not six digits, as in 000123{path.suffix}, so it has no image id; '
                             'rename or remove it')
    for ours, others, what in ((images, labels, 'label file'), (labels, images, 'image')):
        lonely = sorted(set(ours) - set(others))
        if lonely:
            raise FileNotFoundError(f'{ours[lonely[0]]} has no {what} ({len(lonely)} have none); add the {what} or remove '
                                    'it (an image without objects has an empty label file)')
    return sorted(images)


def read_split(folder: Path, stems: Sequence[str]) -> dict[str, list[str]]:
    """Read ``train.txt`` and ``val.txt``, one stem per line; raise unless they list existing images only, each once."""
    known, places, split = set(stems), dict[str, str](), dict[str, list[str]]()
    for name in ('train', 'val'):
        path = folder / f'{name}.txt'
        if not path.is_file():
            raise FileNotFoundError(f'split file not found: {path}; --split-folder must contain train.txt and val.txt')
        split[name] = []
        for number, stem in _filled_lines(path):
            place = f'{path}, line {number}'
            if stem not in known:
                raise ValueError(f'{place}: there is no image {stem!r} in training/image_2; add it or remove the line')
            if stem in places:
                raise ValueError(f'{place}: image {stem!r} is listed already in {places[stem]}; remove one of the lines')
            places[stem] = place
            split[name].append(stem)
        if not split[name]:
            raise ValueError(f'{path} contains no image; write one per line, such as 000123')
    return split


def random_split(stems: Sequence[str], val_share: float, seed: int) -> dict[str, list[str]]:
    """Draw the validation images at random; each split gets at least one."""
    if not 0 < val_share < 1:
        raise ValueError(f'--val-share must be between 0 and 1, such as 0.5, got {val_share}')
    if len(stems) < 2:
        raise ValueError(f'image {stems[0]} is the only one in training/image_2; a split needs at least two')
    count = min(max(round(val_share * len(stems)), 1), len(stems) - 1)
    val = set(random.Random(seed).sample(stems, count))
    return {'train': [stem for stem in stems if stem not in val], 'val': sorted(val)}


def _filled_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line numbers, from 1, and lines that are not blank. Bytes that are not text are left to the caller."""
    for number, line in enumerate(path.read_text(encoding='utf-8', errors='replace').splitlines(), 1):
        if line.strip():
            yield number, line.strip()


def parse_label(line: str, size: tuple[int, int]) -> Label:
    """Parse a line of a label file and clip its box to the image's width and height; raise ValueError if it is wrong."""
    kind, *texts = line.split()
    if len(texts) != 14:
        raise ValueError(f'a label must have 15 values ({LABEL_KEYS}), got {len(texts) + 1}; correct the line')
    if kind not in TYPES:
        raise ValueError(f'the type must be one of {", ".join(TYPES)}, got {kind!r}; correct the line')
    values = [_number(key, text) for key, text in zip(LABEL_KEYS.split()[1:], texts, strict=True)]
    if not values[1].is_integer():
        raise ValueError(f'occluded is {texts[1]!r}; write 0, 1, 2 or 3, or -1 if it is unknown')
    x1, y1, x2, y2 = values[3:7]
    if x2 <= x1 or y2 <= y1:
        raise ValueError(f'the box from x {x1:g} to {x2:g} and y {y1:g} to {y2:g} has no positive size; correct or remove it')
    width, height = size
    box = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
    if box[2] <= box[0] or box[3] <= box[1]:
        raise ValueError(f'the box from x {x1:g} to {x2:g} and y {y1:g} to {y2:g} is outside its image of {width} x '
                         f'{height} pixels; correct or remove it')
    return Label(kind, values[0], int(values[1]), box, box != (x1, y1, x2, y2))


def _number(key: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f'{key} must be a number, got {text!r}; correct the line')
    return value


def read_labels(path: Path, size: tuple[int, int]) -> list[Label]:
    """Read a label file; raise AnnotationError with file and line if one is wrong."""
    labels = []
    for number, line in _filled_lines(path):
        try:
            labels.append(parse_label(line, size))
        except ValueError as error:
            raise AnnotationError(f'{path}, line {number}: {error}') from error
    return labels


def written_as(kind: str, classes: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return the classes that boxes of a type are written as (none for a skipped type), and their ``iscrowd``."""
    if kind in classes:
        return (kind, ), 0
    if kind == 'DontCare':
        return tuple(classes), 1
    return ((NEIGHBORS[kind], ) if NEIGHBORS.get(kind) in classes else ()), 1


def convert(training: Path, stems: Sequence[str], classes: Sequence[str]) -> tuple[dict, list[Label]]:
    """Return the content of a COCO annotation file and all labels that were read, including skipped ones."""
    category_ids = {name: position for position, name in enumerate(classes, 1)}
    categories = [{'id': category_id, 'name': name} for name, category_id in category_ids.items()]
    images: list[dict] = []
    annotations: list[dict] = []
    labels: list[Label] = []
    for stem in tqdm(stems, unit='image', disable=None):
        width, height = image_header(training / 'image_2' / f'{stem}.png').shown_size
        images.append({'id': int(stem), 'file_name': f'{stem}.png', 'width': width, 'height': height})
        in_image = read_labels(training / 'label_2' / f'{stem}.txt', (width, height))
        labels += in_image
        for label in in_image:
            x1, y1, x2, y2 = label.box
            names, iscrowd = written_as(label.type, classes)
            # Ids start at 1: pycocotools treats a match with annotation 0 as no match.
            annotations += [{'id': len(annotations) + offset, 'image_id': int(stem), 'category_id': category_ids[name],
                             'bbox': [x1, y1, x2 - x1, y2 - y1], 'area': (x2 - x1) * (y2 - y1), 'iscrowd': iscrowd,
                             'truncated': label.truncated, 'occluded': label.occluded}
                            for offset, name in enumerate(names, 1)]
    return {'images': images, 'annotations': annotations, 'categories': categories}, labels


def print_counts(labels: Sequence[Label], classes: Sequence[str]) -> None:
    """Print how the boxes of each type were written, and warnings about odd ones."""
    counts = Counter(label.type for label in labels)
    print(f'{"type":<16}{"boxes":>8}  written as')
    for kind in TYPES:
        names, iscrowd = written_as(kind, classes)
        print(f'{kind:<16}{counts[kind]:>8}  '
              + (f'{"ignored for" if iscrowd else "object of"} {", ".join(names)}' if names else 'left out'))
    clipped = sum(label.clipped for label in labels)
    if clipped:
        print(f'{clipped} boxes extended beyond their image and were clipped to it')
    thin = sum(min(label.box[2] - label.box[0], label.box[3] - label.box[1]) < 1 for label in labels if label.type in classes)
    if thin:
        print(f'{thin} objects are less than a pixel wide or high: mmdet drops them in training, the evaluation does not')


def run(arguments: argparse.Namespace) -> None:
    """Convert both parts of the split, then write both files; an error leaves none."""
    check_classes(arguments.classes)
    training = arguments.kitti_root / 'training'
    stems = image_stems(training)
    if arguments.split_folder is not None:
        split = read_split(arguments.split_folder, stems)
        print(f'split of {arguments.split_folder}; images in neither of its files, skipped: '
              f'{len(stems) - sum(map(len, split.values()))}')
    else:
        split = random_split(stems, arguments.val_share, arguments.seed)
        print(f'random split with seed {arguments.seed}: frames of one drive can be in both parts, which makes '
              'validation look better than it is; use --split-folder for a split by drives')
    parts = {name: convert(training, part, arguments.classes) for name, part in split.items()}
    print_counts([label for _, labels in parts.values() for label in labels], arguments.classes)
    for name, (content, _) in parts.items():
        path = (arguments.out or arguments.kitti_root / 'annotations') / f'kitti_{name}.json'
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(content))
        crowds = sum(box['iscrowd'] for box in content['annotations'])
        objects = len(content['annotations']) - crowds
        print(f'wrote {path}: {len(content["images"])} images, {objects} objects, {crowds} ignored boxes')


def main() -> None:
    """Read the command line and convert."""
    parser = argparse.ArgumentParser(description="Convert KITTI's 2D object labels to COCO format")
    parser.add_argument('kitti_root', type=Path, help='folder with training/image_2 and training/label_2')
    parser.add_argument('--out', type=Path, help='folder to write to (default: KITTI_ROOT/annotations)')
    parser.add_argument('--classes', nargs='+', default=['Car', 'Pedestrian', 'Cyclist'],
                        help='types to detect, in this order (default: Car Pedestrian Cyclist)')
    parser.add_argument('--split-folder', type=Path, help='folder with train.txt and val.txt (default: a random split)')
    parser.add_argument('--val-share', type=float, default=0.5,
                        help='share of validation images in a random split (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the random split; the same seed gives the same split')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
