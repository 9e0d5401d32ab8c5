"""WeightedMultiImageMixDataset as a drop-in for mmdet's, and what is found in pipelines that mix images."""

import pickle

import numpy as np
import pytest
from mmdet.datasets import MultiImageMixDataset
from mmdet.registry import DATASETS
from mmengine.runner import Runner

from imbdet.data import WeightedMultiImageMixDataset, mixing_transforms, uniform_mixing, unrecorded_mixing

from .gray_images import PIPELINE, gray_config

LEVELS = [0, 40, 80, 160, 200, 240]
# 16 x 16 pixels of four images of 8 x 8 each, the main image at the top left.
MOSAIC = dict(type='Mosaic', img_scale=(8, 8), center_ratio_range=(1.0, 1.0))
PACK = dict(type='PackDetInputs')


@pytest.fixture
def build(tmp_path):
    inner = gray_config(tmp_path, LEVELS)

    def build(kind='WeightedMultiImageMixDataset', pipeline=(MOSAIC, PACK), dataset=inner, **keys):
        return DATASETS.build(dict(type=kind, dataset=dataset, pipeline=list(pipeline), **keys))

    build.inner = inner
    return build


def quarters(inputs):
    """The images of a mosaic: the main one and its three partners."""
    return [LEVELS.index(int(inputs[0, y, x])) for y in (2, 12) for x in (2, 12)]


def test_without_weights_as_mmdet(build):
    pipeline = [MOSAIC, dict(type='MixUp', img_scale=(8, 8)), PACK]
    ours, theirs = build(pipeline=pipeline), build('MultiImageMixDataset', pipeline)
    assert isinstance(ours, MultiImageMixDataset)
    assert len(ours) == len(theirs)
    assert ours.metainfo == theirs.metainfo
    assert ours.get_data_info(2) == theirs.get_data_info(2)
    assert repr(ours.pipeline) == repr(theirs.pipeline)
    for index in range(len(LEVELS)):
        np.random.seed(index)
        first = ours[index]['inputs']
        np.random.seed(index)
        assert (first == theirs[index]['inputs']).all()


def test_weights_choose_the_partners(build):
    """A weight of almost 1 and others of almost 0; the main image stays the one asked for."""
    dataset = build()
    dataset.set_image_weights([1e-9, 1e-9, 1e-9, 1.0, 1e-9, 1e-9])
    assert [quarters(dataset[index]['inputs']) for index in range(3)] == [[index, 3, 3, 3] for index in range(3)]


def test_images_of_weight_0_are_no_partners(build):
    dataset = build()
    dataset.set_image_weights([0, 2, 0, 1, 0, 0])
    partners = [image for _ in range(100) for image in quarters(dataset[5]['inputs'])[1:]]
    assert set(partners) == {1, 3}


def test_weights_survive_the_way_to_a_spawned_worker(build):
    dataset = build()
    dataset.set_image_weights([1e-9, 1e-9, 1.0, 1e-9, 1e-9, 1e-9])
    assert quarters(pickle.loads(pickle.dumps(dataset))[0]['inputs']) == [0, 2, 2, 2]


def test_skipped_transforms(build):
    dataset = build()
    dataset.update_skip_type_keys(['Mosaic'])
    assert dataset[1]['inputs'].shape[1:] == (8, 8)


@pytest.mark.parametrize('weights', [[1.0] * 5, [0.0] * 6, [1.0] * 5 + [-1.0], [1.0] * 5 + [float('nan')],
                                     [1.0] * 5 + [float('inf')], [], [[1.0] * 6]])
def test_bad_weights(build, weights):
    with pytest.raises(ValueError, match='finite weight of at least 0 for each of its 6 images, and one above'):
        build().set_image_weights(weights)


def test_workers_draw_from_their_seed(build):
    """Two trainings of one seed mix alike, another seed mixes otherwise, and two workers do not draw the same."""
    def run(seed):
        dataset = build()
        dataset.set_image_weights([1, 2, 3, 4, 5, 6])
        loader = Runner.build_dataloader(
            dict(dataset=dataset, batch_size=3, num_workers=2, sampler=dict(type='DefaultSampler', shuffle=False),
                 collate_fn=dict(type='pseudo_collate')), seed=seed)
        return [quarters(inputs) for batch in loader for inputs in batch['inputs']]

    first = run(3)
    assert run(3) == first != run(4)
    assert [image[0] for image in first] == list(range(6))
    assert [image[1:] for image in first[:3]] != [image[1:] for image in first[3:]]


def test_found_in_pipelines(build):
    cached = dict(type='CachedMosaic', img_scale=(8, 8))
    names = {
        'plain': (DATASETS.build(build.inner), [], []),
        'mmdet': (build('MultiImageMixDataset'), ['Mosaic'], ['Mosaic']),
        'weighted': (build(), [], ['Mosaic']),
        'recorded': (build(record_shares=True), [], []),
        'cached': (DATASETS.build(dict(build.inner, pipeline=[*PIPELINE, cached])), [], ['CachedMosaic']),
        'branch': (DATASETS.build(dict(build.inner, pipeline=[*PIPELINE, dict(
            type='MultiBranch', branch_field=['sup'], sup=[cached])])), [], ['CachedMosaic']),
        'inside': (DATASETS.build(dict(type='ConcatDataset', datasets=[build.inner, dict(
            type='MultiImageMixDataset', dataset=build.inner, pipeline=[MOSAIC])])), ['Mosaic'], ['Mosaic']),
        'outside': (build(pipeline=[dict(type='MixUp')], dataset=dict(
            type='MultiImageMixDataset', dataset=build.inner, pipeline=[MOSAIC])), ['Mosaic'], ['MixUp', 'Mosaic']),
    }
    for name, (dataset, uniform, unrecorded) in names.items():
        assert uniform_mixing(dataset) == uniform, name
        assert unrecorded_mixing(dataset) == unrecorded, name
    assert [type(transform).__name__ for transform in mixing_transforms(names['outside'][0])] == ['Mosaic', 'MixUp']
    assert isinstance(names['recorded'][0], WeightedMultiImageMixDataset)
