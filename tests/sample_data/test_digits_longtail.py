"""The sample data set holds what its README says of it."""

import hashlib
import json
from collections import Counter

import cv2
import numpy as np
import pytest
from lvis import LVIS
from mmdet.datasets import CocoDataset, LVISV1Dataset
from pycocotools.coco import COCO
from sklearn.datasets import load_digits

from imbdet.annotations import check_annotations
from imbdet.repeat_sampling import category_repeat_factors
from imbdet.sample_data import annotation_path, is_complete, make_digits_longtail
from imbdet.sample_data.digits import split_scans


@pytest.fixture(scope='module')
def content(digits):
    return {split: json.loads(annotation_path(digits, split).read_text()) for split in ('train', 'val')}


def checksums(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob('*')) if path.is_file()}


def test_same_seed_same_files_in_place_of_others(digits, tmp_path):
    folder = make_digits_longtail(tmp_path / 'digits', seed=1)
    assert checksums(folder) != checksums(digits)
    assert is_complete(folder, 1)
    assert not is_complete(folder, 0)
    assert not is_complete(tmp_path)
    make_digits_longtail(folder, seed=0)
    assert checksums(folder) == checksums(digits)
    assert len(checksums(digits)) == 2 * (600 + 200) + 5
    assert [path.name for path in tmp_path.iterdir()] == ['digits']  # no temporary folder is left


def test_other_folders_are_left_alone(tmp_path):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/thesis.txt').write_text('years of work')
    with pytest.raises(FileExistsError, match='mine is not empty'):
        make_digits_longtail(tmp_path / 'mine')
    assert (tmp_path / 'mine/thesis.txt').read_text() == 'years of work'


def test_a_failure_leaves_no_folder(tmp_path):
    def fail(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_digits_longtail(tmp_path / 'digits', progress=fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('split', ['train', 'val'])
def test_files_are_sound(digits, content, split):
    path = annotation_path(digits, split)
    names = tuple(category['name'] for category in content[split]['categories'])
    assert len(names) == 20
    assert check_annotations(path, names).lines() == []
    assert len(COCO(str(path)).getAnnIds()) == len(LVIS(str(path)).get_ann_ids()) == len(content[split]['annotations'])
    for kind in (CocoDataset, LVISV1Dataset):
        dataset = kind(ann_file=str(path), data_prefix=dict(img=str(digits / 'visible') + '/'), pipeline=[],
                       metainfo=dict(classes=names), test_mode=True)
        assert len(dataset) == len(content[split]['images'])
        item = dataset.get_data_info(0)
        assert cv2.imread(item['img_path']).shape == (160, 160, 3)


def test_counts_of_the_categories(content):
    train = content['train']
    images, boxes = {}, Counter()
    for box in train['annotations']:
        images.setdefault(box['category_id'], set()).add(box['image_id'])
        boxes[box['category_id']] += 1
    groups = Counter()
    for category in train['categories']:
        count = len(images[category['id']])
        assert (category['image_count'], category['instance_count']) == (count, boxes[category['id']])
        assert category['frequency'] == ('r' if count <= 10 else 'c' if count <= 100 else 'f')
        groups[category['frequency']] += 1
    assert min(groups[group] for group in 'rcf') >= 6
    assert content['val']['categories'] == train['categories']  # as in LVIS, counts are of the training set
    held_in_val = {box['category_id'] for box in content['val']['annotations']}
    assert held_in_val == {category['id'] for category in train['categories']}


def test_rfs_and_irfs_differ(content):
    categories = content['train']['categories']
    images, boxes = (np.array([category[key] for category in categories]) for key in ('image_count', 'instance_count'))
    by_images = {}
    for index, count in enumerate(images):
        by_images.setdefault(count, []).append(boxes[index])
    assert max(max(group) / min(group) for group in by_images.values()) >= 5  # equal images, unequal boxes
    rfs, irfs = (category_repeat_factors(images, boxes, 600, 0.1, method) for method in ('rfs', 'irfs'))
    assert (np.argsort(rfs, kind='stable') != np.argsort(irfs, kind='stable')).any()


def test_federated_keys_agree_with_the_boxes(content):
    for split in content.values():
        held = {image['id']: set() for image in split['images']}
        for box in split['annotations']:
            held[box['image_id']].add(box['category_id'])
        assert any(not present for present in held.values())  # images without objects occur
        for image in split['images']:
            assert not held[image['id']] & set(image['neg_category_ids'])
            assert set(image['not_exhaustive_category_ids']) <= held[image['id']]
        assert any(image['not_exhaustive_category_ids'] for image in split['images'])


def test_boxes_fit_their_polygons(content):
    for box in content['train']['annotations']:
        points = np.concatenate(box['segmentation']).reshape(-1, 2)
        x, y, width, height = box['bbox']
        low, high = points.min(0), points.max(0) + 1  # polygons run through the centres of the outermost pixels
        assert np.abs([*low, *high] - np.array([x, y, x + width, y + height])).max() <= 1
        assert 0 < box['area'] <= width * height
        assert 0 <= x < x + width <= 160
        assert 0 <= y < y + height <= 160


def test_no_scan_in_both_splits():
    scans = split_scans(np.random.default_rng(0))
    every = Counter(scan.tobytes() for digit in (*scans.train, *scans.val) for scan in digit)
    originals = Counter((scan / 16).astype(np.float32).tobytes() for scan in load_digits().images)
    assert every == originals  # each scan once: divided, none lost
    assert all(len(train) > 2 * len(val) > 0 for train, val in zip(scans.train, scans.val, strict=True))


def test_validation_images_by_appearance(digits, content):
    """Each validation image is in one of three further files, with its boxes."""
    images, boxes = [], []
    for appearance in ('daylight', 'dusk', 'night'):
        part = json.loads(annotation_path(digits, f'val_{appearance}').read_text())
        assert {image['appearance'] for image in part['images']} == {appearance}
        assert part['categories'] == content['val']['categories']
        assert {box['image_id'] for box in part['annotations']} <= {image['id'] for image in part['images']}
        images += part['images']
        boxes += part['annotations']
    for joined, whole in ((images, content['val']['images']), (boxes, content['val']['annotations'])):
        assert sorted(joined, key=lambda item: item['id']) == whole


def test_appearances(digits, content):
    """Night is rare, and its digits stand out in infrared much more than in visible light."""
    images = content['train']['images']
    shares = Counter(image['appearance'] for image in images)
    assert shares['daylight'] > shares['dusk'] > shares['night'] > 0
    assert shares['night'] < 0.1 * len(images)
    contrast = {'visible': [], 'infrared': []}
    for image in (image for image in images if image['appearance'] == 'night'):
        boxes = [box for box in content['train']['annotations'] if box['image_id'] == image['id']]
        for camera, values in contrast.items():
            pixels = cv2.imread(str(digits / camera / image['file_name']), cv2.IMREAD_GRAYSCALE).astype(float)
            for box in boxes:
                ink = cv2.fillPoly(np.zeros((160, 160), np.uint8),
                                   [np.array(part, int).reshape(-1, 2) for part in box['segmentation']], 1) > 0
                ring = cv2.dilate(ink.astype(np.uint8), np.ones((9, 9))) > ink
                values.append(abs(pixels[ink].mean() - pixels[ring].mean()))
    assert np.median(contrast['infrared']) > 5 * np.median(contrast['visible'])
