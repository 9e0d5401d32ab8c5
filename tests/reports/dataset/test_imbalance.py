"""What is counted, against json.load and loops, pycocotools and mmdet's own data set."""

import json
import statistics
from collections import Counter, defaultdict

import numpy as np
import pytest
from mmdet.datasets import CocoDataset
from pycocotools.coco import COCO

from imbdet.annotations import load_annotations, to_arrays
from imbdet.classes import GroupLimits
from imbdet.repeat_sampling import labels_per_image
from imbdet.reports.dataset.imbalance import count_imbalance


def counted(path, *arguments, **keys):
    content = load_annotations(path)
    return count_imbalance(content, to_arrays(content), *arguments, **keys)


@pytest.fixture(scope='module')
def train(digits):
    return digits / 'annotations/digits_longtail_train.json'


def test_counts_against_a_loop(train):
    imbalance, content = counted(train), json.loads(train.read_text())
    names = {category['id']: category['name'] for category in content['categories']}
    boxes, held = Counter(), defaultdict(set)
    for box in content['annotations']:
        if not box['iscrowd']:
            boxes[names[box['category_id']]] += 1
            held[names[box['category_id']]].add(box['image_id'])
    assert imbalance.names == tuple(names.values())
    assert dict(zip(imbalance.names, imbalance.instance_counts.tolist(), strict=True)) == dict(boxes)
    assert dict(zip(imbalance.names, imbalance.image_counts.tolist(), strict=True)) == {
        name: len(images) for name, images in held.items()}
    assert imbalance.num_images == len(content['images'])
    assert imbalance.num_boxes == len(content['annotations'])
    assert imbalance.num_empty == len(content['images']) - len(set().union(*held.values()))
    given = {category['name']: category['frequency'] for category in content['categories']}
    assert dict(zip(imbalance.names, imbalance.groups.tolist(), strict=True)) == given
    usual = statistics.median(boxes[name] / len(held[name]) for name in boxes)
    bursty = {name for name in boxes if boxes[name] / len(held[name]) >= 2 * usual}
    assert {name for name, is_bursty in zip(imbalance.names, imbalance.is_bursty, strict=True) if is_bursty} == bursty
    assert bursty == {'light_3', 'dark_4', 'light_9', 'light_0', 'dark_0', 'light_8'}  # those that it was made with
    assert imbalance.imbalance_ratio == max(map(len, held.values())) / min(map(len, held.values()))


def test_sizes_against_pycocotools(annotation_file, capsys):
    rng = np.random.default_rng(0)
    areas = [*np.exp(rng.uniform(3, 12, 200)).tolist(), 1024, 9216]
    labels = [*rng.integers(1, 4, 200).tolist(), 1, 1]
    path = annotation_file([dict(image_id=1 + index % 20, category_id=int(label), area=area)
                            for index, (label, area) in enumerate(zip(labels, areas, strict=True))], num_images=20)
    imbalance = counted(path, limits=GroupLimits(0, 0))
    coco = COCO(str(path))
    # getAnnIds takes areas strictly within; COCO puts 32 x 32 into both sizes, we into the larger.
    wanted = [len(coco.getAnnIds(areaRng=limits)) for limits in ((0, 1024), (1023.99, 9216), (9215.99, 1e9))]
    capsys.readouterr()
    assert imbalance.size_counts.tolist() == [[0, 0, 0], [0, 0, 0], wanted]


def test_sizes_by_group(annotation_file):
    boxes = [dict(image_id=1, category_id=1, area=10), *[dict(image_id=image, category_id=2, area=5000) for image in (1, 2, 2)],
             *[dict(image_id=image, category_id=3, area=10000) for image in (1, 2, 3)]]
    imbalance = counted(annotation_file(boxes), limits=GroupLimits(1, 2))
    assert imbalance.groups.tolist() == ['r', 'c', 'f']
    assert imbalance.size_counts.tolist() == [[1, 0, 0], [0, 3, 0], [0, 0, 3]]
    assert imbalance.images_with('r').tolist() == [True, False, False]
    assert imbalance.images_with('c').tolist() == [True, True, False]
    assert imbalance.rarest_group == 'r'


@pytest.mark.parametrize(('classes', 'filter_cfg'), [
    (None, {}), (None, dict(filter_empty_gt=True)), (('a', 'c'), {}), (('a', 'c'), dict(filter_empty_gt=True)),
    (('b', ), dict(filter_empty_gt=True, min_size=32))])
def test_labels_are_those_of_the_data_set(annotation_file, classes, filter_cfg):
    """Faulty boxes, crowd and ignored ones, images without boxes: as mmdet's data set takes them."""
    boxes = [(1, 1), (1, 3), (3, 2), (3, 2), (1, 1), dict(image_id=2, category_id=1, iscrowd=1), dict(image_id=5, ignore=1),
             dict(image_id=4, category_id=3, bbox=[200, 1, 5, 5]), dict(image_id=4, category_id=3, bbox=[1, 1, 0.5, 5]),
             dict(image_id=4, category_id=9), dict(image_id=4, category_id=1, area=0), dict(image_id=99)]
    path = annotation_file(boxes, num_images=6)
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=classes or ('a', 'b', 'c')),
                          pipeline=[], filter_cfg=filter_cfg)
    imbalance = counted(path, classes, filter_cfg)
    assert [labels.tolist() for labels in imbalance.labels] == [labels.tolist() for labels in labels_per_image(dataset)]
    assert imbalance.num_images + imbalance.num_filtered == 6
    assert imbalance.num_faulty == 5
    assert imbalance.num_ignored == 2


def test_nothing_to_count(annotation_file):
    imbalance = counted(annotation_file())
    assert (imbalance.num_images, imbalance.num_boxes, imbalance.num_empty) == (3, 0, 3)
    assert imbalance.groups.tolist() == ['r', 'r', 'r']
    assert not imbalance.is_bursty.any()
    assert counted(annotation_file(num_images=0, categories=())).num_images == 0
