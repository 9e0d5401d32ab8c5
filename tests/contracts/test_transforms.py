"""What every transform must do: see the contract of transforms in CONTRIBUTING.md."""

import copy
import pickle

import numpy as np
import pytest
from mmdet.registry import TRANSFORMS

from ..mipa.pairs_of_images import write_pairs

CASES = {
    'pair': dict(type='LoadImagePair'),
    'on one modality': dict(type='OnModality', modality='rgb', transforms=[dict(type='PhotoMetricDistortion')]),
    'on the other': dict(type='OnModality', modality='ir', transforms=[dict(type='PhotoMetricDistortion')]),
}


@pytest.fixture
def results(tmp_path):
    """What a data set gives to the transform: paths, and for those that come later the image of six channels."""
    write_pairs(tmp_path)
    paths = [next((tmp_path / folder).glob('0.*')) for folder in ('visible', 'infrared')]
    loaded = TRANSFORMS.build(dict(type='LoadImagePair'))(dict(img_path=str(paths[0]), ir_path=str(paths[1]), modality='pair'))
    assert loaded['img'].shape[2] == 6
    return loaded


@pytest.fixture(params=CASES)
def transform(request):
    return TRANSFORMS.build(copy.deepcopy(CASES[request.param]))


def test_a_seed_repeats(transform, results):
    images = []
    for seed in (0, 0, 1):
        np.random.seed(seed)
        images.append(transform(copy.deepcopy(results))['img'])
    assert np.array_equal(images[0], images[1])
    assert images[0].shape == images[2].shape == results['img'].shape


def test_other_keys_and_the_input_stay(transform, results):
    before = copy.deepcopy(results)
    changed = transform(copy.deepcopy(results))
    assert set(before) <= set(changed)
    assert changed['img_path'] == before['img_path']


def test_workers_get_copies(transform, results):
    """Data loaders send transforms to their workers by pickle."""
    other = pickle.loads(pickle.dumps(transform))
    np.random.seed(0)
    one = transform(copy.deepcopy(results))['img']
    np.random.seed(0)
    assert np.array_equal(one, other(copy.deepcopy(results))['img'])


def test_it_says_what_it_is(transform):
    assert type(transform).__name__ in repr(transform)
