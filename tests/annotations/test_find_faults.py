"""All faults of a file at once, where the checks end at the first that is fatal."""

import math

import pytest
from mmdet.datasets import CocoDataset, LVISV1Dataset

from imbdet.annotations import (
    AnnotationError,
    check_annotations,
    find_faults,
    load_annotations,
    to_arrays,
)
from imbdet.annotations.faults import kept_images, usable_boxes
from imbdet.data.configured_datasets import ConfiguredDataset, missing_location

NAN = math.nan
BOXES = [  # with what is wrong with each
    (dict(id=10), ''),
    (dict(id=11, bbox=None), 'annotations without bbox'),
    (dict(id=12, area=None), 'annotations without area'),
    (dict(id=13, bbox=[1, 2]), 'annotations whose bbox is not four numbers'),
    (dict(id=14, image_id=77, category_id=77, area=0), 'annotations that belong to an image that the file does not list'),
    (dict(id=15, category_id=77), 'annotations that have a category that the file does not list'),
    (dict(id=16, bbox=[NAN, 1, 5, 5]), 'annotations that have a NaN or infinite box'),
    (dict(id=17, area=NAN), 'annotations of infinite size'),
    (dict(id=22, bbox=[1, 1, math.inf, 5]), 'annotations of infinite size'),
    (dict(id=18, bbox=[1, 1, 0, 5]), 'annotations that are less than a pixel wide or high, or have no area'),
    (dict(id=19, bbox=[500, 1, 5, 5]), 'annotations that lie outside their image'),
    (dict(id=20, bbox=[500, 1, 5, 5], image_id=2), ''),  # nobody knows how wide image 2 is
    (dict(id=21, iscrowd=1), ''),
    (dict(id=10, image_id=3), 'duplicate annotation ids'),
]
IMAGES = [{'id': 1, 'width': 100, 'height': 100}, {'id': 2, 'height': 100}, {'id': 3, 'width': 100, 'height': 100},
          {'id': 3, 'width': 100, 'height': 100}]
CATEGORIES = [{'id': 1, 'name': 'a'}, {'id': 2, 'name': 'b'}, {'id': 2, 'name': 'c'}]


@pytest.fixture
def faulty(annotation_file):
    """A file with every fault, its content and its columns."""
    path = annotation_file([box for box, _ in BOXES], images=IMAGES, categories=CATEGORIES)
    content = load_annotations(path)
    return path, content, to_arrays(content)


def test_every_fault_is_found_with_its_ids(faulty):  # faults 12, 13, 14, 15 and 16
    _, content, columns = faulty
    found = {fault.kind: fault.ids for fault in find_faults(content, columns, ('c', 'a', 'x'), dict(min_size=200))}
    wanted = {'images without width': [2], 'duplicate image ids': [3],
              'duplicate category ids': [2], 'classes that are not in the file': ['x'],
              'classes in another order than in the file': ['c', 'a'], 'no image left': [1, 2, 3, 3]}
    for box, kind in BOXES:
        if kind:
            wanted.setdefault(kind, []).append(box['id'])
    assert found == wanted


def test_the_check_raises_the_first(faulty):
    path, content, columns = faulty
    first = next(find_faults(content, columns))
    assert first.is_fatal
    with pytest.raises(AnnotationError) as error:
        check_annotations(path)
    assert str(error.value) == f'{path}: {first.message}'


def test_messages_count_and_name(faulty):
    _, content, columns = faulty
    for fault in find_faults(content, columns, ('c', 'a', 'x')):
        if fault.of != 'class':
            assert str(len(fault.ids)) in fault.message, fault.kind
            assert str(fault.ids[0]) in fault.message, fault.kind


def test_of_several_images_with_one_id_the_last_counts(faulty):
    _, content, columns = faulty
    assert kept_images(content, columns).tolist() == [True, True, False, True]


def test_usable_boxes_have_no_fault_of_their_own(faulty):
    _, _, columns = faulty
    assert usable_boxes(columns).tolist() == [kind in ('', 'duplicate annotation ids') for _, kind in BOXES]


@pytest.mark.parametrize(('classes', 'filter_cfg'), [
    (('a', 'b', 'c'), {}), (('a', 'b', 'c'), dict(filter_empty_gt=True)), (('b', ), dict(filter_empty_gt=True)),
    (('a', 'b', 'c'), dict(min_size=60)), (('c', ), dict(filter_empty_gt=True, min_size=40)),
])
def test_kept_images_are_mmdets(annotation_file, classes, filter_cfg):  # fault 15
    images = [{'id': number, 'file_name': f'{number}.jpg', 'width': 20 * number, 'height': 100} for number in range(1, 6)]
    path = annotation_file([(1, 1), (2, 2), (3, 3), (3, 2), dict(image_id=4, category_id=3, iscrowd=1)], images=images)
    content = load_annotations(path)
    kept = kept_images(content, to_arrays(content), classes, filter_cfg)
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=classes), pipeline=[],
                          filter_cfg=filter_cfg)
    assert [image['id'] for image, is_kept in zip(images, kept, strict=True) if is_kept] == [
        dataset.get_data_info(index)['img_id'] for index in range(len(dataset))]


def test_lvis_data_sets(annotation_file):  # fault 17
    content = load_annotations(annotation_file([(1, 1)]))
    columns = to_arrays(content)
    use = ConfiguredDataset('train.json', LVISV1Dataset, ('a', 'b'), {}, ('classes', ))
    faults = list(use.faults(content, columns))
    assert [(fault.kind, fault.ids) for fault in faults] == [('classes that differ from the file', ['a', 'b']),
                                                             ('images without coco_url', [1, 2, 3])]
    assert all(fault.is_fatal for fault in faults)
    assert [fault.is_fatal for fault in missing_location(content, 'coco_url', is_fatal=False)] == [False]
    assert list(use._replace(kind=CocoDataset).faults(content, columns)) == []
