"""Tiny data sets in COCO's, LVIS's and panoptic format, and what the writers of all formats share.

Each writer takes an empty folder and the data set class, and returns the config that reads the files, with what is in them.
Boxes are known by the names of their classes, so that labels can be checked against names, not against other labels.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 120, 80
"""Size of every image, in pixels."""


class Box(NamedTuple):
    """A box: name of its class, x, y, width, height in pixels, and whether it is a crowd, difficult or ignored."""

    name: str
    xywh: tuple[int, int, int, int]
    is_ignored: bool = False


class Written(NamedTuple):
    """Files that were written.

    Attributes:
        config: Config of the data set that reads them.
        names: Names of all classes, in the order of the labels.
        images: The boxes of each image, by its name without suffix.
        file: The annotation file.
    """

    config: dict
    names: list[str]
    images: dict[str, list[Box]]
    file: Path


def boxes_of(names: Sequence[str], has_ignored: bool = True, has_empty: bool = True) -> dict[str, list[Box]]:
    """Lay out a few boxes of up to four classes, first and last among them, in three or four images.

    Args:
        names: Names of all classes.
        has_ignored: Whether one box is ignored.
        has_empty: Whether the last image has no boxes.

    Returns:
        The boxes of each image.
    """
    first, last, middle, third = names[0], names[-1], names[len(names) // 2], names[min(2, len(names) - 1)]
    images = {'a1': [Box(first, (5, 10, 15, 20)), Box(first, (30, 10, 20, 25)), Box(last, (60, 20, 15, 15))],
              'a2': [Box(first, (8, 8, 30, 30)), Box(middle, (50, 12, 22, 18))],
              'a3': [Box(first, (11, 7, 18, 31)), Box(third, (44, 9, 25, 40))]}
    if has_ignored:
        images['a2'].append(Box(last, (80, 40, 20, 30), is_ignored=True))
    return {**images, 'a4': []} if has_empty else images


def write_images(folder: Path, stems: Sequence[str]) -> None:
    """Write gray JPEG files.

    Args:
        folder: Where to; created if it does not exist.
        stems: Their names without suffix.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stem in stems:
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 128, np.uint8)).save(folder / f'{stem}.jpg')


def write_json(path: Path, content: Any) -> Path:
    """Write a JSON file and return its path."""
    path.write_text(json.dumps(content))
    return path


def category_ids(names: Sequence[str]) -> dict[str, int]:
    """Give the classes ids with gaps that do not ascend, so that a label is neither an id nor the rank of one.

    Returns:
        The id of each name, in the order of the names.
    """
    return dict(zip(names, (7 + 3 * (index ^ 1) for index in range(len(names))), strict=True))


def coco_content(ids: dict[str, int], images: dict[str, list[Box]]) -> dict[str, list[dict]]:
    """Make the content of a COCO file; image ids start at 11, and the categories are in the order of ``ids``."""
    entries = [{'id': number, 'file_name': f'{stem}.jpg', 'width': WIDTH, 'height': HEIGHT}
               for number, stem in enumerate(images, 11)]
    annotations = [{'image_id': image['id'], 'category_id': ids[box.name], 'bbox': list(box.xywh),
                    'area': box.xywh[2] * box.xywh[3], 'iscrowd': int(box.is_ignored)}
                   for image, boxes in zip(entries, images.values(), strict=True) for box in boxes]
    return {'images': entries, 'annotations': [{'id': number, **box} for number, box in enumerate(annotations, 101)],
            'categories': [{'id': number, 'name': name} for name, number in ids.items()]}


def coco_config(folder: Path, kind: type) -> dict:
    """Make the config of a data set that reads ``val.json`` in a folder."""
    return {'type': kind.__name__, 'data_root': str(folder), 'ann_file': 'val.json', 'data_prefix': {'img': 'images/'}}


def write_coco(folder: Path, kind: Any, names: Sequence[str] | None = None) -> Written:
    """Write a COCO file with the class's own categories in their order, or with others, which the config then names."""
    config = coco_config(folder, kind)
    if names is not None:
        config['metainfo'] = {'classes': list(names)}
    names = list(names or kind.METAINFO['classes'])
    images = boxes_of(names)
    file = write_json(folder / 'val.json', coco_content(category_ids(names), images))
    return Written(config, names, images, file)


def write_objects365v1(folder: Path, kind: Any) -> Written:
    """Write a COCO file whose ids ascend in the order of the class's own categories, and which lists them in another."""
    names = list(kind.METAINFO['classes'])
    images = boxes_of(names)
    ids = {name: 7 + 3 * index for index, name in enumerate(names)}
    shuffled = {names[index]: ids[names[index]] for index in np.random.default_rng(0).permutation(len(names))}
    file = write_json(folder / 'val.json', coco_content(shuffled, images))
    return Written(coco_config(folder, kind), names, images, file)


def write_v3det(folder: Path, kind: type) -> Written:
    """Write a COCO file and the text file of class names from which V3DetDataset takes its classes."""
    names = ['zebra', 'acorn', 'mug', 'lute', 'fern', 'kite']
    images = boxes_of(names)
    (folder / 'names.txt').write_text('\n'.join(names) + '\n')
    file = write_json(folder / 'val.json', coco_content(category_ids(names), images))
    return Written({**coco_config(folder, kind), 'label_file': 'names.txt'}, names, images, file)


def write_lvis(folder: Path, kind: Any) -> Written:
    """Write an LVIS file: images say which classes were checked in them and, of version 1, where they come from."""
    names = list(kind.METAINFO['classes'])
    images = boxes_of(names, has_ignored=False)  # LVIS has no crowds
    content = coco_content(category_ids(names), images)
    for image in content['images']:
        image.update(neg_category_ids=[], not_exhaustive_category_ids=[],
                     coco_url=f'http://images.cocodataset.org/val2017/{image["file_name"]}')
    for category in content['categories']:
        category.update(frequency='r', image_count=1, instance_count=1)
    return Written(coco_config(folder, kind), names, images, write_json(folder / 'val.json', content))


def write_panoptic(folder: Path, kind: Any) -> Written:
    """Write a panoptic file: boxes of things, and in one image a segment of stuff, which is not an object."""
    names, things = list(kind.METAINFO['classes']), list(kind.METAINFO['thing_classes'])
    images = boxes_of(things)
    with_stuff = {**images, 'a4': [Box(kind.METAINFO['stuff_classes'][0], (0, 0, WIDTH, HEIGHT))]}
    content = coco_content(category_ids(names), with_stuff)
    for category in content['categories']:
        category['isthing'] = int(category['name'] in things)
    segments = content['annotations']
    content['annotations'] = [{'image_id': image['id'], 'file_name': image['file_name'].replace('.jpg', '.png'),
                               'segments_info': [segment for segment in segments if segment['image_id'] == image['id']]}
                              for image in content['images']]
    return Written(coco_config(folder, kind), names, images, write_json(folder / 'val.json', content))
