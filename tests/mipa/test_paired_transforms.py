"""Both halves of a pair go the same way, and infrared images of all kinds become three channels."""

import cv2
import numpy as np
import pytest
from mmdet.registry import DATASETS, TRANSFORMS
from PIL import Image

from imbdet.mipa.read_pair import read_infrared

from .pairs_of_images import paired_dataset, write_pairs


@pytest.fixture
def equal_halves(tmp_path):
    """Pairs whose infrared images are copies of the visible ones."""
    write_pairs(tmp_path)
    for path in (tmp_path / 'visible').iterdir():
        (tmp_path / 'infrared' / path.name).write_bytes(path.read_bytes())
    return tmp_path


GEOMETRIC = {
    'flip': [dict(type='RandomFlip', prob=0.5, direction=['horizontal', 'vertical'])],
    'crop': [dict(type='RandomCrop', crop_size=(64, 80))],
    'iou crop': [dict(type='MinIoURandomCrop')],
    'resize': [dict(type='RandomResize', scale=(128, 96), ratio_range=(0.5, 2), keep_ratio=True)],
    'choice': [dict(type='RandomChoice', transforms=[
        [dict(type='RandomChoiceResize', scales=[(100, 80), (150, 120)], keep_ratio=True)],
        [dict(type='Resize', scale=(128, 96), keep_ratio=True), dict(type='RandomFlip', prob=0.5)]])],
    'all': [dict(type='RandomResize', scale=(128, 96), ratio_range=(0.8, 1.5), keep_ratio=True),
            dict(type='RandomCrop', crop_size=(90, 100)), dict(type='RandomFlip', prob=0.5)],
}


@pytest.mark.parametrize('name', GEOMETRIC)
def test_both_halves_go_the_same_way(equal_halves, name):
    """Random samples of equal halves stay equal; flipped or cropped independently they would not."""
    dataset = DATASETS.build(paired_dataset(equal_halves, *GEOMETRIC[name]))
    plain = DATASETS.build(paired_dataset(equal_halves))
    np.random.seed(0)
    moved = 0
    for index in range(60):
        image = dataset[index % 6]['inputs']
        assert image.shape[0] == 6
        assert np.array_equal(image[:3], image[3:])
        moved += image.shape != plain[index % 6]['inputs'].shape or not np.array_equal(image, plain[index % 6]['inputs'])
    assert moved > 10  # the transform did something


def test_boxes_go_with_both_halves(tmp_path):
    """Boxes cover what is dark in the visible and bright in the infrared half, wherever it was moved."""
    write_pairs(tmp_path, num_boxes=1)
    dataset = DATASETS.build(paired_dataset(tmp_path, *GEOMETRIC['all']))
    np.random.seed(0)
    seen = 0
    for index in range(30):
        packed = dataset[index % 6]
        if packed is None:
            continue
        image = packed['inputs'].numpy()
        for x1, y1, x2, y2 in packed['data_samples'].gt_instances.bboxes.tensor.round().int().tolist():
            if x2 - x1 > 8 and y2 - y1 > 8:
                inside = image[:, y1 + 3:y2 - 3, x1 + 3:x2 - 3]
                assert inside[:3].max() < 50
                assert inside[3:].min() > 200
                seen += 1
    assert seen > 15


def test_one_half_is_changed_alone(tmp_path):
    write_pairs(tmp_path)
    plain = DATASETS.build(paired_dataset(tmp_path))[0]['inputs'].numpy()
    invert = [dict(type='Invert', prob=1.0)]
    for modality, half in (('rgb', slice(0, 3)), ('ir', slice(3, 6))):
        image = DATASETS.build(paired_dataset(tmp_path, dict(
            type='OnModality', modality=modality, transforms=invert)))[0]['inputs'].numpy()
        expected = plain.copy()
        expected[half] = 255 - expected[half]
        assert np.array_equal(image, expected)
        alone = paired_dataset(tmp_path, dict(type='OnModality', modality=modality, transforms=invert), modality='ir')
        image = DATASETS.build(alone)[0]['inputs'].numpy()
        assert np.array_equal(image, 255 - plain[3:] if modality == 'ir' else plain[3:])


def test_photometric_distortion_of_the_visible_half(tmp_path):
    write_pairs(tmp_path)
    distorted = DATASETS.build(paired_dataset(tmp_path, dict(
        type='OnModality', modality='rgb', transforms=[dict(type='PhotoMetricDistortion')])))
    plain = DATASETS.build(paired_dataset(tmp_path))
    images = np.stack([distorted[0]['inputs'].numpy() for _ in range(5)])
    assert (images[:, 3:] == plain[0]['inputs'].numpy()[3:]).all()
    assert len({image[:3].tobytes() for image in images}) == 5


@pytest.mark.parametrize('transform', [dict(type='RandomFlip', prob=1.0), dict(type='RandomCrop', crop_size=(50, 50)),
                                       dict(type='Resize', scale=(64, 48)), dict(type='Pad', size_divisor=100)])
def test_geometry_of_one_half_is_refused(tmp_path, transform):
    write_pairs(tmp_path)
    with pytest.raises(ValueError, match='OnModality'):
        DATASETS.build(paired_dataset(tmp_path, dict(type='OnModality', modality='rgb', transforms=[transform])))


def test_arguments():
    with pytest.raises(ValueError, match="modality must be 'rgb' or 'ir', got 'pair'"):
        TRANSFORMS.build(dict(type='OnModality', modality='pair', transforms=[]))
    with pytest.raises(ValueError, match='ir_range must be the lowest and the highest value'):
        TRANSFORMS.build(dict(type='LoadImagePair', ir_range=(5, 5)))


def grey(dtype, low, high):
    """A horizontal ramp, 40 x 101, from low to high."""
    return np.linspace(low, high, 101).astype(dtype)[None].repeat(40, 0)


def test_8_bits(tmp_path):  # fault 19
    ramp = grey(np.uint8, 0, 200)
    for name, image in (('grey.png', ramp), ('three.png', cv2.cvtColor(ramp, cv2.COLOR_GRAY2BGR))):
        cv2.imwrite(str(tmp_path / name), image)
        assert np.array_equal(read_infrared(str(tmp_path / name)), np.repeat(ramp[..., None], 3, 2))
    colors = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / 'colors.png'), colors)
    assert np.array_equal(read_infrared(str(tmp_path / 'colors.png')), colors)
    Image.fromarray(colors[..., ::-1]).quantize(256).save(tmp_path / 'palette.png')
    assert np.array_equal(read_infrared(str(tmp_path / 'palette.png')), cv2.imread(str(tmp_path / 'palette.png')))


@pytest.mark.parametrize('name', ['raw.png', 'raw.tiff', 'float.tiff'])
def test_16_bits(tmp_path, name):  # fault 19
    """A camera's raw values lie in a narrow band; 8 bits cut off the top would make them one grey."""
    ramp = grey(np.float32 if 'float' in name else np.uint16, 27000, 31000)
    Image.fromarray(ramp).save(tmp_path / name)
    stretched = read_infrared(str(tmp_path / name))
    assert stretched.shape == (40, 101, 3)
    assert stretched.dtype == np.uint8
    assert (stretched[..., 0] == stretched[..., 2]).all()
    # 101 columns: the 1st percentile is the second value, the 99th the one before the last.
    expected = np.clip((ramp.astype(float) - 27040) / (30960 - 27040), 0, 1) * 255
    assert np.abs(stretched[..., 0] - expected).max() <= 0.51
    fixed = read_infrared(str(tmp_path / name), ir_range=(25000, 35000))[..., 0]
    assert np.abs(fixed - (ramp.astype(float) - 25000) / 10000 * 255).max() <= 0.51


def test_a_constant_image_of_16_bits(tmp_path):
    Image.fromarray(np.full((10, 10), 30000, np.uint16)).save(tmp_path / 'flat.png')
    assert np.array_equal(read_infrared(str(tmp_path / 'flat.png')), np.zeros((10, 10, 3), np.uint8))


def test_ir_range_and_float32_by_config(tmp_path):
    write_pairs(tmp_path)
    Image.fromarray(grey(np.uint16, 0, 1000)).resize((128, 96)).save(tmp_path / 'infrared/0.png')
    config = paired_dataset(tmp_path)
    config['pipeline'][0] = dict(type='LoadImagePair', ir_range=(0, 2000), to_float32=True)
    image = DATASETS.build(config)[0]['inputs']
    assert image.dtype.is_floating_point
    assert 120 <= image[3:].max() <= 128
