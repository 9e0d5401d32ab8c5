"""The synthetic set of 200 classes, made small."""

import json

import cv2
import numpy as np
import pytest


@pytest.fixture
def tool(load_tool, monkeypatch):
    made = load_tool('benchmarks/data/colored_digits.py')
    monkeypatch.setattr(made, 'MOST', 6)
    monkeypatch.setattr(made, 'VAL_IMAGES', 1)
    monkeypatch.setattr(made, 'NUM_IMAGES', {'train': 120, 'val': 40})
    return made


def test_counts_boxes_and_colors(tool, tmp_path):
    tool.make(tmp_path / 'set')
    planned = sorted(np.rint(6 * (2 / 6)**(np.arange(200) / 199)).astype(int).tolist())
    for part, expected in (('train', planned), ('val', [1] * 200)):
        content = json.loads((tmp_path / 'set' / f'{part}.json').read_text())
        pairs = [(box['category_id'], box['image_id']) for box in content['annotations']]
        assert len(set(pairs)) == len(pairs)  # no class twice in an image
        assert sorted(np.bincount([category for category, _ in pairs], minlength=201)[1:].tolist()) == expected
        names = {category['id']: category['name'] for category in content['categories']}
        assert names[1] == '0_0light'
        assert names[200] == '9_9dark'
        for box in content['annotations'][:40]:
            name = next(image['file_name'] for image in content['images'] if image['id'] == box['image_id'])
            pixels = cv2.imread(str(tmp_path / 'set/images' / name))[..., ::-1].astype(float)
            x, y, width, height = map(int, box['bbox'])
            assert 0 <= x < x + width <= 160
            assert 0 <= y < y + height <= 160
            distance = np.abs(pixels[y:y + height, x:x + width] - tool.ink(box['category_id'] - 1)).sum(-1)
            assert np.mean(distance < 60) > 0.1  # the ink of its class is in its box


def test_a_seed_repeats(tool, tmp_path):
    for folder, seed in (('one', 0), ('same', 0), ('other', 1)):
        tool.make(tmp_path / folder, seed)
    files = [[(tmp_path / folder / name).read_bytes() for name in ('train.json', 'images/val_000001.png')]
             for folder in ('one', 'same', 'other')]
    assert files[0] == files[1]
    assert files[0][0] != files[2][0]


def test_too_few_images_are_named(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, 'NUM_IMAGES', {'train': 20, 'val': 40})
    with pytest.raises(ValueError, match='20 images have no place for'):
        tool.make(tmp_path / 'set')
