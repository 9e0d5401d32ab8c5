"""Pairs on disk become entries of a data set."""

import cv2
import numpy as np
import pytest
from mmdet.registry import DATASETS
from mmengine.dataset import ConcatDataset
from PIL import Image

from ..training_checks.broken_images import ODD, put_image
from .pairs_of_images import paired_dataset, write_pairs


@pytest.fixture
def folder(tmp_path):
    return write_pairs(tmp_path)


def build(folder, *transforms, **keys):
    return DATASETS.build(paired_dataset(folder, *transforms, **keys))


def read(path):
    return cv2.imread(str(path)).transpose(2, 0, 1)


def test_modalities(folder):
    visible, infrared = read(folder / 'visible/2.png'), read(folder / 'infrared/2.png')
    expected = {'pair': np.concatenate([visible, infrared]), 'rgb': visible, 'ir': infrared}
    for modality, pixels in expected.items():
        packed = build(folder, modality=modality)[2]
        assert np.array_equal(packed['inputs'].numpy(), pixels)
        assert packed['data_samples'].modality == modality
        assert packed['data_samples'].img_path == str(folder / ('infrared' if modality == 'ir' else 'visible') / '2.png')
        assert packed['data_samples'].img_id == 2
        assert len(packed['data_samples'].gt_instances) == 3


@pytest.mark.parametrize(('modality', 'other'), [('rgb', 'infrared'), ('ir', 'visible')])
def test_only_the_needed_modality_is_read(folder, modality, other):
    for path in (folder / other).iterdir():
        path.unlink()
    dataset = build(folder, modality=modality, check_files=True)
    assert dataset[0]['inputs'].shape == (3, 96, 128)


@pytest.mark.parametrize(('ir_name', 'keys'), [
    ('{}.png', {}), ('{}_ir.jpeg', dict(ir_suffix='_ir.jpeg')), ('{}-thermal.bmp', dict(ir_replace=('.png', '-thermal.bmp')))])
def test_names_of_infrared_files(tmp_path, ir_name, keys):
    write_pairs(tmp_path, ir_name=ir_name)
    data_info = build(tmp_path, check_files=True, **keys).get_data_info(1)
    assert data_info['ir_path'] == str(tmp_path / 'infrared' / ir_name.format(1))
    assert data_info['img_path'] == str(tmp_path / 'visible/1.png')


def test_names_that_cannot_be(folder):
    with pytest.raises(ValueError, match=r"train.json: '_RGB' of ir_replace is not in the file name '0.png'"):
        build(folder, ir_replace=('_RGB', '_IR'))
    config = paired_dataset(folder)
    config['data_prefix'] = dict(img='visible/', ir='visible/')
    with pytest.raises(ValueError, match='visible/0.png would be both the visible and the infrared image'):
        DATASETS.build(config)
    with pytest.raises(ValueError, match='cannot both be set'):
        build(folder, ir_suffix='_ir.png', ir_replace=('a', 'b'))
    with pytest.raises(ValueError, match="modality must be one of pair, rgb, ir; got 'thermal'"):
        build(folder, modality='thermal')
    with pytest.raises(ValueError, match="ir_replace must be a part of the file name"):
        build(folder, ir_replace='_IR')


def damage(folder, kind):
    """Break the infrared image of pair 3; return what the error must contain in addition to both paths."""
    path = folder / 'infrared/3.png'
    if kind == 'missing':
        path.unlink()
        return 'FileNotFoundError'
    if kind == 'other size':
        cv2.imwrite(str(path), np.zeros((96, 120), np.uint8))
        return '3.png is 128 x 96 and .*3.png is 120 x 96; align and resize'
    content = path.read_bytes()
    path.write_bytes({'truncated': content[:len(content) // 2], 'empty': b'', 'no image': b'<html>'}[kind])
    return 'cannot be read'


@pytest.mark.parametrize('kind', ['missing', 'other size', 'truncated', 'empty', 'no image'])
def test_damaged_pairs(folder, kind):  # faults 18 and 19
    """When the pair is loaded, and with check_files when the data set is built, both paths are named."""
    said = damage(folder, kind)
    for attempt in (lambda: build(folder)[3], lambda: build(folder, check_files=True)):
        with pytest.raises((OSError, ValueError), match=said) as error:
            attempt()
        assert str(folder / 'visible/3.png') in str(error.value)
        assert str(folder / 'infrared/3.png') in str(error.value)
    with pytest.raises((OSError, ValueError)) if kind != 'other size' else pytest.raises(AssertionError):
        dataset = build(folder, modality='ir', check_files=True)
        assert dataset is None  # another size is none of a single image's faults
    assert len(build(folder, modality='rgb', check_files=True)) == 6


def test_truncated_jpeg(folder):  # fault 18
    """OpenCV would read it half grey."""
    for name in ('visible', 'infrared'):
        image = cv2.imread(str(folder / name / '3.png'))
        (folder / name / '3.png').write_bytes(cv2.imencode('.jpg', image)[1].tobytes())
    assert build(folder)[3]['inputs'].shape == (6, 96, 128)
    path = folder / 'visible/3.png'
    path.write_bytes(path.read_bytes()[:-200])
    assert cv2.imread(str(path)) is not None
    with pytest.raises(OSError, match=r'visible/3.png, which is paired with .*infrared/3.png, cannot be read .*truncated'):
        build(folder, check_files=True)


def test_joined_with_other_modalities(folder):
    joined = DATASETS.build(dict(type='ConcatDataset', datasets=[paired_dataset(folder, modality=modality)
                                                                 for modality in ('pair', 'rgb', 'ir')]))
    assert isinstance(joined, ConcatDataset)
    assert joined.metainfo['classes'] == ('a', 'b', 'c')
    assert [joined[index]['inputs'].shape[0] for index in (0, 6, 12)] == [6, 3, 3]


@pytest.mark.parametrize('kind', ODD)
def test_images_of_other_kinds(folder, kind):  # fault 19
    """Visible ones become three channels of 8 bits as Pillow has it, which cannot do so with 16 bits; infrared ones all."""
    put_image(folder / 'infrared/3.png', kind)
    assert build(folder, check_files=True)[3]['inputs'].shape == (6, 96, 128)
    put_image(folder / 'visible/3.png', kind)
    if kind == '16 bits':
        with pytest.raises(OSError, match=r'visible/3.png, .* cannot be read .*visible image has mode I;16.* convert it to 8'):
            build(folder, check_files=True)
        return
    packed = build(folder, check_files=True)[3]['inputs']
    with Image.open(folder / 'visible/3.png') as image:
        expected = np.asarray(image.convert('RGB'))[..., ::-1]
    assert np.array_equal(packed[:3].numpy(), expected.transpose(2, 0, 1))
