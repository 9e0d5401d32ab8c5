"""Shares of the area of mixed images, against the gray levels of the pixels that mmdet made."""

import random

import numpy as np
import pytest
from mmdet.registry import DATASETS, TRANSFORMS

from imbdet.data.mixed_shares import source_shares

from .gray_images import PIPELINE, gray_config

LEVELS = [0, 40, 80, 160, 200, 240]
PAD = 114
SIZES = [(32, 32), (24, 40), (50, 20), (32, 32), (17, 31), (40, 40)]
MOSAIC = dict(type='Mosaic', img_scale=(32, 32), pad_val=float(PAD))
COPY_PASTE = dict(type='CopyPaste', paste_by_box=True)


def mixed_dataset(tmp_path, *mixing, levels=LEVELS, sizes=SIZES, **keys):
    return DATASETS.build(dict(
        type='WeightedMultiImageMixDataset', dataset=gray_config(tmp_path, levels, size=sizes),
        pipeline=[*mixing, dict(type='PackDetInputs', meta_keys=('img_path', ))], record_shares=True, **keys))


def shares_of(sample):
    """The shares as a vector over images."""
    found = np.zeros(len(LEVELS))
    for path, share in sample['data_samples'].mixed_images:
        found[int(path.rpartition('/')[2].removesuffix('.png'))] += share
    assert found.sum() == pytest.approx(1)
    return found


def count_levels(pixels):
    counts = np.array([(pixels == level).sum() for level in LEVELS], dtype=float)
    assert counts.sum() + (pixels == PAD).sum() == pixels.size
    return counts / counts.sum()


@pytest.mark.parametrize('mixing', [MOSAIC, dict(MOSAIC, prob=0.5), COPY_PASTE], ids=['Mosaic', 'half', 'CopyPaste'])
def test_pasted_pixels(tmp_path, mixing):
    """Every pixel is of one image or padding; some samples hold an image twice, some are not mixed at all."""
    dataset = mixed_dataset(tmp_path, mixing, sizes=[(32, 32)] * 6 if mixing is COPY_PASTE else SIZES)
    np.random.seed(1)
    numbers = set()
    for index in range(30):
        sample = dataset[index % len(LEVELS)]
        expected = count_levels(sample['inputs'][0].numpy())
        np.testing.assert_allclose(shares_of(sample), expected, atol=1e-12)
        numbers.add(np.count_nonzero(expected))
    assert len(numbers) > 1


@pytest.mark.parametrize(('ratio_range', 'tolerance'), [((1.0, 1.0), 1e-12), ((0.5, 1.6), 0.02)])
def test_blended_pixels(tmp_path, ratio_range, tolerance):
    """The main image shows half everywhere, the partner half where it is, found from the level of each pixel.

    The edge of a partner that is scaled is blended with the padding by the interpolation, in bytes.
    """
    dataset = mixed_dataset(tmp_path, dict(type='MixUp', img_scale=(32, 32), ratio_range=ratio_range, pad_val=float(PAD)))
    np.random.seed(2)
    padded = 0
    for turn in range(30):
        main = turn % len(LEVELS)
        sample = dataset[main]
        partner, = [index for index in np.flatnonzero(shares_of(sample)) if index != main] or [main]
        pixels = sample['inputs'][0].numpy().astype(float)
        covered = ((2 * pixels - LEVELS[main] - PAD) / (LEVELS[partner] - PAD)).mean()
        expected = np.zeros(len(LEVELS))
        expected[main] += 1 / (1 + covered)
        expected[partner] += covered / (1 + covered)
        np.testing.assert_allclose(shares_of(sample), expected, atol=max(tolerance, 1e-12))
        padded += covered < 0.9
    assert padded


def test_mixed_twice(tmp_path):
    """MixUp of a mosaic: each of its quarters an eighth, and the partner a half."""
    sizes = [(32, 32)] * 6
    dataset = mixed_dataset(tmp_path, dict(MOSAIC, center_ratio_range=(1.0, 1.0)),
                            dict(type='MixUp', img_scale=(64, 64), ratio_range=(1.0, 1.0)), sizes=sizes)
    np.random.seed(3)
    for main in range(6):
        sample = dataset[main]
        pixels = [int(sample['inputs'][0, y, x]) for y in (16, 48) for x in (16, 48)]  # of the four quarters
        partner = 2 * pixels[0] - LEVELS[main]
        expected = np.zeros(6)
        for pixel in pixels:
            expected[LEVELS.index(2 * pixel - partner)] += 1 / 8
        expected[LEVELS.index(partner)] += 1 / 2
        np.testing.assert_allclose(shares_of(sample), expected, atol=1e-12)


def test_pictures_are_mixed_as_without_recording(tmp_path):
    config = dict(type='WeightedMultiImageMixDataset', dataset=gray_config(tmp_path, LEVELS, size=SIZES), pipeline=[
        MOSAIC, dict(type='MixUp', img_scale=(64, 64)), dict(type='PackDetInputs')])
    plain, recording = DATASETS.build(config), DATASETS.build(dict(config, record_shares=True))
    for index in range(6):
        samples = []
        for dataset in (plain, recording):
            np.random.seed(index)
            random.seed(index)
            samples.append((dataset[index], random.random(), np.random.random()))
        (first, *after), (second, *after_too) = samples
        assert after == after_too
        assert (first['inputs'] == second['inputs']).all()
        assert (first['data_samples'].gt_instances.bboxes.tensor == second['data_samples'].gt_instances.bboxes.tensor).all()
        assert 'mixed_images' not in first['data_samples']


def test_input_is_left_alone(tmp_path):
    dataset = DATASETS.build(gray_config(tmp_path, LEVELS, size=SIZES))
    mixup = TRANSFORMS.build(dict(type='MixUp', img_scale=(32, 32)))
    results = {**dataset[0], 'mix_results': [dataset[5]]}
    before = results['mix_results'][0]['gt_bboxes'].tensor.clone()
    source_shares(mixup, results)
    assert (results['mix_results'][0]['gt_bboxes'].tensor == before).all()  # MixUp scales them in place
    assert (results['img'] == LEVELS[0]).all()
    assert (results['mix_results'][0]['img'] == LEVELS[5]).all()


def test_partner_without_boxes_is_not_mixed_in(tmp_path):
    """MixUp then returns the main image as it was."""
    dataset = DATASETS.build(dict(
        type='WeightedMultiImageMixDataset', dataset=gray_config(tmp_path, LEVELS, labels=[0, *[None] * 5]),
        pipeline=[dict(type='MixUp', img_scale=(8, 8), ratio_range=(1.0, 1.0), max_iters=1), dict(type='PackDetInputs')],
        record_shares=True))
    np.random.seed(0)
    found = [(shares_of(dataset[index]), index) for index in range(1, 6) for _ in range(4)]
    assert all(shares[index] + shares[0] == 1 for shares, index in found)  # nothing of another without boxes
    assert {round(float(shares[0]), 9) for shares, _ in found} == {0, 0.5}


def test_what_cannot_be_measured(tmp_path):
    inner = gray_config(tmp_path, LEVELS)
    build = dict(type='WeightedMultiImageMixDataset', dataset=inner, record_shares=True)
    cached = dict(type='CachedMosaic', img_scale=(8, 8))
    with pytest.raises(ValueError, match='cannot measure the shares of CachedMosaic, only of Mosaic, MixUp, CopyPaste'):
        DATASETS.build(dict(build, pipeline=[cached, dict(type='PackDetInputs')]))
    with pytest.raises(ValueError, match='CachedMosaic'):
        DATASETS.build(dict(build, dataset=dict(inner, pipeline=[*PIPELINE, cached]), pipeline=[dict(type='PackDetInputs')]))
    with pytest.raises(ValueError, match='needs a PackDetInputs'):
        DATASETS.build(dict(build, pipeline=[MOSAIC]))


def test_skipped_mixing_has_no_shares(tmp_path):
    """As YOLOXModeSwitchHook does for the last epochs."""
    dataset = mixed_dataset(tmp_path, MOSAIC, skip_type_keys=('Mosaic', ))
    assert 'mixed_images' not in dataset[0]['data_samples']
