"""Tiny data sets in the formats of VOC, Open Images, CrowdHuman and of phrases that are located in images."""

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from data_set_files import HEIGHT, WIDTH, Box, Written, boxes_of, category_ids, coco_content, write_images, write_json


def _xml(stem: str, boxes: Sequence[Box], offset: int) -> str:
    """Write an image in VOC's format, with corners that are larger by ``offset``."""
    objects = ''.join(f'<object><name>{box.name}</name><difficult>{int(box.is_ignored)}</difficult><bndbox>'
                      f'<xmin>{x + offset}</xmin><ymin>{y + offset}</ymin><xmax>{x + width + offset}</xmax>'
                      f'<ymax>{y + height + offset}</ymax></bndbox></object>'
                      for box in boxes for x, y, width, height in [box.xywh])
    return (f'<annotation><folder>event</folder><filename>{stem}.jpg</filename><size><width>{WIDTH}</width>'
            f'<height>{HEIGHT}</height><depth>3</depth></size>{objects}</annotation>')


def _write_xml_files(folder: Path, images: dict[str, list[Box]], offset: int) -> None:
    (folder / 'Annotations').mkdir()
    for stem, boxes in images.items():
        (folder / 'Annotations' / f'{stem}.xml').write_text(_xml(stem, boxes, offset))


def write_voc(folder: Path, kind: Any) -> Written:
    """Write a VOC folder; XMLDataset itself has no classes, so that its config names them."""
    own = kind.METAINFO.get('classes')
    names = list(own or ['zebra', 'acorn', 'mug', 'lute', 'fern', 'kite'])
    images = boxes_of(names)
    _write_xml_files(folder, images, offset=1)
    write_images(folder / 'JPEGImages', list(images))
    file = folder / 'ImageSets' / 'Main' / 'val.txt'
    file.parent.mkdir(parents=True)
    file.write_text('\n'.join(images) + '\n')
    config = {'type': kind.__name__, 'data_root': str(folder), 'ann_file': 'ImageSets/Main/val.txt',
              'data_prefix': {'sub_data_root': ''}}
    return Written(config if own else {**config, 'metainfo': {'classes': names}}, names, images, file)


def write_wider_face(folder: Path, kind: Any) -> Written:
    """Write WIDER FACE in VOC's format: images in a folder of their event, next to the annotations."""
    names = list(kind.METAINFO['classes'])
    images = boxes_of(names)
    _write_xml_files(folder, images, offset=0)
    write_images(folder / 'event', list(images))
    (folder / 'val.txt').write_text('\n'.join(images) + '\n')
    config = {'type': kind.__name__, 'data_root': str(folder), 'ann_file': 'val.txt', 'data_prefix': {'img': ''}}
    return Written(config, names, images, folder / 'val.txt')


def write_crowd_human(folder: Path, kind: Any) -> Written:
    """Write a line of JSON for each image; what is not to be trained on has the tag ``mask``."""
    names = list(kind.METAINFO['classes'])
    images = boxes_of(names)
    lines = [{'ID': stem, 'gtboxes': [{'tag': 'mask' if box.is_ignored else box.name, 'fbox': box.xywh, 'vbox': box.xywh,
                                       'hbox': box.xywh} for box in boxes]} for stem, boxes in images.items()]
    file = folder / 'annotation_val.odgt'
    file.write_text('\n'.join(map(json.dumps, lines)) + '\n')
    write_images(folder / 'Images', list(images))
    config = {'type': kind.__name__, 'data_root': str(folder), 'ann_file': file.name, 'data_prefix': {'img': 'Images/'}}
    return Written(config, names, images, file)


def _open_images_config(folder: Path, kind: type, names: Sequence[str], images: dict[str, list[Box]], file: Path) -> dict:
    """Write what both versions of Open Images have: the names of the classes and the sizes of the images."""
    (folder / 'classes.csv').write_text(''.join(f'/m/{name},{name},{number}\n' for number, name in enumerate(names, 1)))
    sizes = [{'filename': f'{stem}.jpg', 'ori_shape': (HEIGHT, WIDTH, 3)} for stem in images]
    (folder / 'sizes.pkl').write_bytes(pickle.dumps(sizes))
    return {'type': kind.__name__, 'data_root': str(folder), 'ann_file': file.name, 'data_prefix': {'img': ''},
            'label_file': 'classes.csv', 'meta_file': 'sizes.pkl'}


def _corners(box: Box) -> list[float]:
    """Return x1, y1, x2, y2 as fractions of the image."""
    x, y, width, height = box.xywh
    return [x / WIDTH, y / HEIGHT, (x + width) / WIDTH, (y + height) / HEIGHT]


OPEN_IMAGES_NAMES = ['Zebra', 'Acorn', 'Mug', 'Lute', 'Fern', 'Kite']


def write_open_images(folder: Path, kind: type) -> Written:
    """Write a table of boxes; the last box is one of a group."""
    names, images = OPEN_IMAGES_NAMES, boxes_of(OPEN_IMAGES_NAMES, has_ignored=False, has_empty=False)
    lines = ['ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside']
    for stem, boxes in images.items():
        for box in boxes:
            x1, y1, x2, y2 = _corners(box)
            is_group = int(box == images['a3'][-1])
            lines.append(f'{stem},xclick,/m/{box.name},1,{x1},{x2},{y1},{y2},0,0,{is_group},0,0')
    file = folder / 'boxes.csv'
    file.write_text('\n'.join(lines) + '\n')
    hierarchy = write_json(folder / 'hierarchy.json', {'LabelName': '/m/Entity', 'Subcategory': [{'LabelName': '/m/Mug'}]})
    config = {**_open_images_config(folder, kind, names, images, file), 'hierarchy_file': hierarchy.name}
    return Written(config, names, images, file)


def write_open_images_challenge(folder: Path, kind: type) -> Written:
    """Write a text file: for each image its name, a line that is not read, the number of its boxes, and these."""
    names, images = OPEN_IMAGES_NAMES, boxes_of(OPEN_IMAGES_NAMES, has_ignored=False, has_empty=False)
    lines = []
    for stem, boxes in images.items():
        lines += [f'{stem}.jpg', '#', str(len(boxes))]
        for box in boxes:
            values = [names.index(box.name) + 1, *_corners(box), int(box == images['a3'][-1])]
            lines.append(' '.join(map(str, values)))
    file = folder / 'boxes.txt'
    file.write_text('\n'.join(lines) + '\n')
    np.save(folder / 'hierarchy.npy', np.eye(len(names) + 1))
    config = {**_open_images_config(folder, kind, names, images, file), 'hierarchy_file': 'hierarchy.npy'}
    return Written(config, names, images, file)


def write_odvg(folder: Path, kind: type) -> Written:
    """Write a line of JSON for each image, and a map from label to name; the config names the same classes."""
    names = ['zebra', 'acorn', 'mug', 'lute', 'fern', 'kite']
    images = boxes_of(names, has_ignored=False)
    lines = [{'filename': f'{stem}.jpg', 'width': WIDTH, 'height': HEIGHT, 'detection': {'instances': [
        {'bbox': [x, y, x + width, y + height], 'label': names.index(box.name), 'category': box.name}
        for box in boxes for x, y, width, height in [box.xywh]]}} for stem, boxes in images.items()]
    file = folder / 'train.jsonl'
    file.write_text('\n'.join(map(json.dumps, lines)) + '\n')
    write_json(folder / 'names.json', dict(enumerate(names)))
    config = {'type': kind.__name__, 'data_root': str(folder), 'ann_file': file.name, 'data_prefix': {'img': ''},
              'label_map_file': 'names.json', 'return_classes': True}
    return Written(config, names, images, file)


def write_phrases(folder: Path, kind: type) -> Written:
    """Write a COCO file with a caption for each image; the labels of mmdet are the category ids as they are."""
    names = ['zebra', 'acorn', 'mug', 'lute', 'fern', 'kite']
    images = boxes_of(names, has_ignored=False, has_empty=False)
    content = coco_content(category_ids(names), images)
    for image in content['images']:
        image.update(caption='a zebra with a kite', dataset_name='flickr', tokens_positive_eval=[[[2, 7]]])
    for box in content['annotations']:
        box['phrase_ids'] = 0
    config = {'type': kind.__name__, 'data_root': str(folder), 'ann_file': 'val.json', 'data_prefix': {'img': ''}}
    return Written(config, names, images, write_json(folder / 'val.json', content))
