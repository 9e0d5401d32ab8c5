"""Which transforms take six channels is found out when the data set is built."""

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import DATASETS, TRANSFORMS

from .pairs_of_images import paired_dataset, write_pairs

SIX_CHANNELS = [
    dict(type='Resize', scale=(160, 120), keep_ratio=True),
    dict(type='RandomResize', scale=(160, 120), ratio_range=(0.5, 2), keep_ratio=True),
    dict(type='RandomChoiceResize', scales=[(160, 120), (80, 60)], keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomFlip', prob=[0.3, 0.3], direction=['horizontal', 'vertical']),
    dict(type='RandomCrop', crop_size=(64, 64)),
    dict(type='MinIoURandomCrop'),
    dict(type='RandomApply', prob=0.1, transforms=[dict(type='RandomFlip', prob=1.0)]),
    dict(type='OnModality', modality='rgb', transforms=[dict(type='PhotoMetricDistortion')]),
    dict(type='OnModality', modality='ir', transforms=[dict(type='Brightness', prob=0.5)]),
    dict(type='Posterize', prob=1.0),  # of both halves
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1, 1)),
]
NOT_SIX_CHANNELS = {
    'Pad': (dict(type='Pad', size_divisor=100), 'pad_size_divisor'),
    'PhotoMetricDistortion': (dict(type='PhotoMetricDistortion'), 'OnModality'),
    'YOLOXHSVRandomAug': (dict(type='YOLOXHSVRandomAug'), 'OnModality'),
    'Equalize': (dict(type='Equalize', prob=0.01), 'OnModality'),  # returns three channels without a word
    'Color': (dict(type='Color', prob=0.01), 'OnModality'),
    'RandomAffine': (dict(type='RandomAffine'), 'remove it'),  # leaves a border of another color
    'ShearX': (dict(type='ShearX', prob=0.01), 'remove it'),
    'TranslateY': (dict(type='TranslateY', prob=0.01), 'remove it'),
    'Mosaic': (dict(type='Mosaic', img_scale=(96, 128)), 'combines several images'),
    'CachedMixUp': (dict(type='CachedMixUp', img_scale=(96, 128)), 'combines several images'),
    'CopyPaste': (dict(type='CopyPaste'), 'combines several images'),
    'Expand': (dict(type='Expand'), 'remove it'),
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp('pairs'))


@pytest.mark.parametrize('transform', SIX_CHANNELS, ids=lambda transform: transform['type'])
def test_transforms_of_six_channels(folder, transform):
    assert DATASETS.build(paired_dataset(folder, transform))[0]['inputs'].shape[0] == 6


def test_halves_that_were_changed_alone_may_be_moved_together(folder):
    """The halves differ after OnModality, which is no fault of the transforms behind it."""
    assert DATASETS.build(paired_dataset(folder, *SIX_CHANNELS[8:10], *SIX_CHANNELS[3:6]))[0]['inputs'].shape[0] == 6


@pytest.mark.parametrize('name', NOT_SIX_CHANNELS)
@pytest.mark.parametrize('nest', [
    lambda transform: transform,
    lambda transform: dict(type='RandomChoice', transforms=[[dict(type='RandomFlip', prob=0.5)], [transform]],
                           prob=[0.999, 0.001]),
    lambda transform: dict(type='RandomApply', prob=0.001, transforms=[transform])], ids=['plain', 'choice', 'apply'])
def test_transforms_that_do_not_take_six_channels(folder, name, nest):
    """Named when the data set is built, also where they would run once in a hundred thousand images."""
    transform, advice = NOT_SIX_CHANNELS[name]
    with pytest.raises(ValueError, match=f'six channels of an image pair: {name} .*{advice}'):
        DATASETS.build(paired_dataset(folder, nest(transform)))


@pytest.mark.parametrize('name', NOT_SIX_CHANNELS)
def test_single_images_may_have_them(folder, name):
    for modality in ('rgb', 'ir'):
        assert len(DATASETS.build(paired_dataset(folder, NOT_SIX_CHANNELS[name][0], modality=modality))) == 6


@TRANSFORMS.register_module()
class GreyOfThree(BaseTransform):
    """A user's transform that keeps the first three channels."""

    def transform(self, results):
        results['img'] = results['img'][..., :3]
        return results


@TRANSFORMS.register_module()
class FlipVisibleHalf(BaseTransform):
    """A user's transform with the defect of earlier code."""

    def transform(self, results):
        if np.random.rand() < 0.9:
            results['img'][..., :3] = results['img'][:, ::-1, :3]
        return results


@pytest.mark.parametrize(('name', 'said'), [('GreyOfThree', r'returns an image of shape \(96, 128, 3\)'),
                                            ('FlipVisibleHalf', 'treats the visible and the infrared half differently')])
def test_transforms_of_users(folder, name, said):
    with pytest.raises(ValueError, match=f'{name} {said}'):
        DATASETS.build(paired_dataset(folder, dict(type=name)))


def test_random_generators_stay_as_they_were(folder):
    np.random.seed(0)
    torch.manual_seed(0)
    DATASETS.build(paired_dataset(folder, *SIX_CHANNELS[1:6]))
    assert np.random.rand() == np.random.RandomState(0).rand()
    assert torch.rand(()) == torch.rand((), generator=torch.Generator().manual_seed(0))


def test_images_are_not_read(tmp_path):
    write_pairs(tmp_path)
    for path in [*(tmp_path / 'visible').iterdir(), *(tmp_path / 'infrared').iterdir()]:
        path.unlink()
    assert len(DATASETS.build(paired_dataset(tmp_path, *SIX_CHANNELS[:4]))) == 6
