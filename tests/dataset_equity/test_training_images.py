"""Which images a config or an annotation file has, with the classes of the boxes in them."""

import json

import pytest
from mmdet.registry import DATASETS
from mmengine.config import Config
from torch.utils.data import Dataset

from imbdet.annotations import AnnotationError
from imbdet.dataset_equity.training_images import images_of_annotations, images_of_config

from ..tiny_training import training_config

# Image 1 has a, c and a crowd of b; image 2 nothing; image 3 b twice.
BOXES = [(1, 1), (1, 3), {'image_id': 1, 'category_id': 2, 'iscrowd': 1}, (3, 2), (3, 2)]


def listed(images):
    return [key.img_id for key in images.keys], [labels.tolist() for labels in images.labels]


def dataset_of(path, prefix='', **changes):
    dataset = training_config(path.parent, {}).train_dataloader.dataset.to_dict()
    return {**dataset, 'ann_file': path.name, 'data_prefix': dict(img=prefix), **changes}


def of_config(dataset):
    return images_of_config(Config(dict(train_dataloader=dict(dataset=dataset))))


def test_config(annotation_file):
    path = annotation_file(BOXES)
    images = of_config(dataset_of(path))
    assert listed(images) == ([1, 2, 3], [[0, 2], [], [1, 1]])
    assert [key.img_path for key in images.keys] == [str(path.parent / f'{number}.jpg') for number in (1, 2, 3)]
    assert images.class_names == ('a', 'b', 'c')
    assert all(labels.dtype == 'int64' for labels in images.labels)


def test_config_of_the_shape_that_training_takes(tmp_path):
    from ..tiny_training import write_training_set
    boxes = write_training_set(tmp_path, num_images=5, num_boxes=[3, 0, 1, 2, 7])
    images = images_of_config(training_config(tmp_path, {}))
    assert [key.img_path for key in images.keys] == [str(tmp_path / f'images/{index}.png') for index in range(5)]
    assert [len(labels) for labels in images.labels] == [len(boxes[index]) for index in range(5)]
    classes = [box['category_id'] for box in json.loads((tmp_path / 'train.json').read_text())['annotations']]
    assert [label for labels in images.labels for label in labels] == classes


def test_config_that_takes_some_classes(annotation_file):
    images = of_config(dataset_of(annotation_file(BOXES), metainfo=dict(classes=('b', 'c'))))
    assert listed(images) == ([1, 2, 3], [[1], [], [0, 0]])
    assert images.class_names == ('b', 'c')


def test_images_that_training_filters_are_not_listed(annotation_file):
    images = of_config(dataset_of(annotation_file(BOXES), filter_cfg=dict(filter_empty_gt=True)))
    assert listed(images) == ([1, 3], [[0, 2], [1, 1]])


def test_wrappers(annotation_file):
    one, two = (dataset_of(annotation_file(BOXES, name=f'{name}.json'), prefix=name) for name in ('day', 'night'))
    expected = ([1, 2, 3], [[0, 2], [], [1, 1]])
    assert listed(of_config(dict(type='RepeatDataset', times=3, dataset=one))) == expected
    assert listed(of_config(dict(type='MultiImageMixDataset', dataset=one, pipeline=[]))) == expected
    both = of_config(dict(type='ConcatDataset', datasets=[one, two]))  # their ids are the same, their paths are not
    assert listed(both) == tuple(2 * part for part in expected)
    assert [key.img_path.split('/')[-2] for key in both.keys] == ['day'] * 3 + ['night'] * 3
    again = of_config(dict(type='ConcatDataset', datasets=[one, one, dict(type='RepeatDataset', times=2, dataset=two)]))
    assert again.keys == both.keys


def test_config_without_training():
    with pytest.raises(ValueError, match='has no train_dataloader'):
        images_of_config(Config(dict(model=dict())))


def test_config_without_images(annotation_file):
    with pytest.raises(ValueError, match='the training set has no images; its filter_cfg or its classes'):
        of_config(dataset_of(annotation_file(), filter_cfg=dict(filter_empty_gt=True), serialize_data=False))


def test_data_set_that_cannot_be_listed():
    class Plain(Dataset):
        pass

    DATASETS.register_module(name='PlainOfTest', module=Plain, force=True)
    with pytest.raises(TypeError, match=r'Plain has no get_data_info\(index\)'):
        of_config(dict(type='PlainOfTest'))


def test_annotation_file(annotation_file, tmp_path):
    boxes = [*BOXES, {'image_id': 2, 'category_id': 1, 'ignore': 1}, (2, 9), (99, 1)]  # of no such class, of no such image
    images = images_of_annotations(annotation_file(boxes), tmp_path / 'photos')
    assert listed(images) == ([1, 2, 3], [[0, 2], [], [1, 1]])
    assert images.keys[2].img_path == str(tmp_path / 'photos/3.jpg')
    assert images.class_names == ('a', 'b', 'c')
    assert all(labels.dtype == 'int64' for labels in images.labels)


def test_category_ids_are_not_positions(annotation_file):
    categories = [{'id': 70, 'name': 'x'}, {'id': 3, 'name': 'y'}]
    images = images_of_annotations(annotation_file([(1, 3), (3, 70)], categories=categories), 'photos')
    assert listed(images)[1] == [[1], [], [0]]
    assert images.class_names == ('x', 'y')


def test_lvis_names_images_by_their_address(annotation_file):
    address = 'http://images.cocodataset.org/train2017/000000391895.jpg'
    path = annotation_file(num_images=1, image_keys=dict(file_name=None, coco_url=address))
    assert images_of_annotations(path, '/data/coco').keys[0].img_path == '/data/coco/train2017/000000391895.jpg'


def test_image_without_a_name(annotation_file):
    path = annotation_file(image_keys=dict(file_name=None))
    with pytest.raises(ValueError, match=r'train\.json: image 1 has neither file_name nor coco_url'):
        images_of_annotations(path, 'photos')


def test_wrong_annotation_files(annotation_file, tmp_path):
    with pytest.raises(ValueError, match=r'train\.json has no images'):
        images_of_annotations(annotation_file(num_images=0), 'photos')
    with pytest.raises(FileNotFoundError, match=r'none\.json'):
        images_of_annotations(tmp_path / 'none.json', 'photos')
    (tmp_path / 'text.json').write_text('{')
    with pytest.raises(AnnotationError, match=r'text\.json'):
        images_of_annotations(tmp_path / 'text.json', 'photos')
