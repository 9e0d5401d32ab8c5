"""Tiny data sets of other tasks than detection: videos, segmentation maps, captions, expressions and persons."""

import pickle
from pathlib import Path
from typing import Any

from data_set_files import Written, boxes_of, category_ids, coco_content, write_images, write_json


def write_video(folder: Path, kind: Any) -> Written:
    """Write a COCO file whose images are the frames of one video."""
    extra = {'dataset_version': '2021'} if hasattr(kind, 'set_dataset_classes') else {}
    if extra:
        kind.set_dataset_classes(**extra)
    names = list(kind.METAINFO['classes'])
    images = boxes_of(names, has_ignored=False, has_empty=False)
    content = coco_content(category_ids(names), images)
    for number, image in enumerate(content['images']):
        image.update(video_id=1, frame_id=number)
    for box in content['annotations']:
        box.update(instance_id=box['id'], visibility=1.0, mot_conf=1.0)
    config = {'type': kind.__name__, 'data_root': str(folder), 'ann_file': 'val.json', 'data_prefix': {'img_path': ''}, **extra}
    return Written(config, names, images, write_json(folder / 'val.json', content))


def write_maps(folder: Path, kind: Any) -> Written:
    """Write an image whose classes are those of its pixels; the segmentation map itself is read by the pipeline."""
    write_images(folder / 'images', ['a1'])
    config = {'type': kind.__name__, 'data_root': str(folder), 'data_prefix': {'img_path': 'images', 'seg_map_path': 'maps'}}
    return Written(config, list(kind.METAINFO['classes']), {'a1': []}, folder / 'images')


def write_captions(folder: Path, kind: type) -> Written:
    """Write a caption for an image."""
    file = write_json(folder / 'val.json', [{'image': 'COCO_val2014_1.jpg', 'caption': 'a zebra'}])
    config = {'type': kind.__name__, 'data_root': str(folder), 'ann_file': file.name, 'data_prefix': {'img_path': ''}}
    return Written(config, [], {'1': []}, file)


def write_expressions(folder: Path, kind: type) -> Written:
    """Write an object and a sentence that refers to it."""
    content = coco_content({'zebra': 7}, boxes_of(['zebra'], has_ignored=False, has_empty=False))
    for box in content['annotations']:
        box['segmentation'] = [[1, 1, 9, 1, 9, 9]]
    file = write_json(folder / 'val.json', content)
    refs = [{'ref_id': 1, 'ann_id': content['annotations'][0]['id'], 'split': 'train', 'sentences': [{'raw': 'the zebra'}]}]
    (folder / 'refs.p').write_bytes(pickle.dumps(refs))
    config = {'type': kind.__name__, 'data_root': str(folder), 'ann_file': file.name, 'data_prefix': {'img_path': ''},
              'split_file': 'refs.p'}
    return Written(config, [], {'a1': []}, file)


def write_persons(folder: Path, kind: type) -> Written:
    """Write cropped images of persons with the numbers of these."""
    file = folder / 'val.txt'
    file.write_text('a1.jpg 0\na2.jpg 1\n')
    config = {'type': kind.__name__, 'data_root': str(folder), 'ann_file': file.name, 'data_prefix': {'img_path': ''}}
    return Written(config, [], {'a1': [], 'a2': []}, file)
