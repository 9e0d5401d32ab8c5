"""The labelled source of semi-supervised training, against the closed form and mmdet's MultiSourceSampler."""

import itertools
from pathlib import Path

import mmdet
import numpy as np
import pytest
from mmdet.datasets import CocoDataset, ConcatDataset
from mmdet.datasets.samplers import MultiSourceSampler
from mmdet.registry import DATA_SAMPLERS
from mmengine.config import Config
from mmengine.runner import Runner

from imbdet.repeat_sampling import MultiSourceRepeatFactorSampler, RepeatFactorSampler

from ..data.gray_images import gray_config

LABELLED = [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 2)]  # b is in 1 of 6 images
FACTORS = np.array([1, 1, 1, 1, 1, 1.5])  # sqrt(0.375 * 6) = 1.5
UNLABELLED = 9
RULE = dict(method='rfs', threshold=0.375)
BATCH = dict(batch_size=4, source_ratio=[1, 3])


@pytest.fixture
def sources(annotation_file):
    """A labelled data set, and an unlabelled one whose images all have boxes of the rare class, which nobody may read."""
    def coco(name, boxes, number):
        path = annotation_file(boxes, num_images=number, categories=('a', 'b'), name=f'{name}.json')
        return CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=('a', 'b')), pipeline=[],
                           serialize_data=False)

    return [coco('labelled', LABELLED, 6), coco('unlabelled', [(1 + image, 2) for image in range(UNLABELLED)], UNLABELLED)]


def take(sampler, number):
    return np.array(list(itertools.islice(sampler, number)))


def make(sources, **keys):
    return MultiSourceRepeatFactorSampler(ConcatDataset(sources), **{'seed': 0, **BATCH, **RULE, **keys})


def test_counts_of_both_sources(sources):
    """The labelled images in proportion to their factors, the others alike, in each batch by the ratio."""
    sampler = make(sources)
    batches = 1300
    drawn = take(sampler, 4 * batches).reshape(batches, 4)
    assert (drawn[:, 0] < 6).all()
    assert (drawn[:, 1:] >= 6).all()
    labelled, others = np.bincount(drawn[:, 0], minlength=6), np.bincount(drawn[:, 1:].ravel() - 6, minlength=UNLABELLED)
    epochs = batches / 7  # the factors' sum of 6.5, rounded up; a random image makes up for the half
    np.testing.assert_allclose(sampler.labelled.image_factors, FACTORS)
    assert (np.abs(labelled - epochs * (FACTORS + 0.5 / 6)) < 5 * np.sqrt(epochs * 0.5) + 1).all()
    assert others.max() - others.min() <= 1


def test_other_sources_are_mmdets(sources):
    """The same order as with mmdet's own sampler, and the same places in each batch."""
    dataset = ConcatDataset(sources)
    theirs = take(MultiSourceSampler(dataset, seed=0, **BATCH), 60).reshape(-1, 4)
    ours = take(make(sources), 60).reshape(-1, 4)
    assert (ours[:, 1:] == theirs[:, 1:]).all()
    assert (ours[:, 0] != theirs[:, 0]).any()
    assert len(make(sources)) == len(dataset)


def test_labelled_images_come_in_the_samplers_epochs(sources):
    alone = RepeatFactorSampler(sources[0], seed=3, **RULE)
    expected = []
    for epoch in range(3):
        alone.set_epoch(epoch)
        expected += list(alone)
    assert take(make(sources, seed=3), 4 * len(expected))[::4].tolist() == expected


@pytest.mark.parametrize('position', [0, 1])
def test_labelled_source_elsewhere(sources, position):
    order = sources if position == 0 else sources[::-1]
    sampler = make(order, labelled_source=position, source_ratio=[1, 1])
    assert sampler.labelled.dataset is sources[0]
    drawn = take(sampler, 40).reshape(-1, 4)
    labelled = drawn[:, :2] if position == 0 else drawn[:, 2:] - UNLABELLED
    assert set(labelled.ravel()) == set(range(6))


def test_rounding_up_and_e_irfs(sources):
    drawn = take(make(sources, rounding='ceil'), 4 * 7 * 5)[::4]
    assert np.bincount(drawn).tolist() == [5, 5, 5, 5, 5, 10]
    sampler = make(sources, method='e-irfs', threshold=0.01, alpha=3.0)
    expected = RepeatFactorSampler(sources[0], method='e-irfs', threshold=0.01, alpha=3.0)
    np.testing.assert_array_equal(sampler.labelled.image_factors, expected.image_factors)
    factors = make(sources, power=1.0).labelled.image_factors
    np.testing.assert_allclose(factors, [1, 1, 1, 1, 1, 0.375 * 6])


def test_built_by_mmengine_and_resumed(sources):
    """A dataloader's batches; a resumed training, which passes over the first ones, sees the same ones after them."""
    for source in sources:
        source.pipeline.transforms.append(lambda item: item['img_path'])
    loader = dict(dataset=ConcatDataset(sources), batch_size=4, num_workers=0, batch_sampler=None,
                  collate_fn=dict(type='pseudo_collate'),
                  sampler=dict(type='MultiSourceRepeatFactorSampler', **BATCH, **RULE))
    whole = list(itertools.islice(Runner.build_dataloader(loader, seed=5), 12))
    resumed = list(itertools.islice(Runner.build_dataloader(loader, seed=5), 7, 12))
    assert whole[7:] == resumed
    assert whole != list(itertools.islice(Runner.build_dataloader(loader, seed=6), 12))
    assert DATA_SAMPLERS.get('MultiSourceRepeatFactorSampler') is MultiSourceRepeatFactorSampler


def test_mmdets_semi_supervised_config(tmp_path):
    """SoftTeacher's own data sets and pipelines, as in configs/irfs/README.md."""
    name = 'soft_teacher/soft-teacher_faster-rcnn_r50-caffe_fpn_180k_semi-0.1-coco'
    loader = Config.fromfile(Path(mmdet.__file__).parent / f'.mim/configs/{name}.py').train_dataloader
    loader.update(num_workers=0, persistent_workers=False, sampler=dict(
        type='MultiSourceRepeatFactorSampler', batch_size=5, source_ratio=[1, 4], threshold=0.5))
    for index, dataset in enumerate(loader.dataset.datasets):
        (tmp_path / str(index)).mkdir()
        images = gray_config(tmp_path / str(index), [0, 40, 80, 160], [0, 0, 0, 1], size=(96, 80))
        dataset.update({key: value for key, value in images.items() if key != 'pipeline'})
    built = Runner.build_dataloader(loader, seed=0)
    assert built.sampler.labelled.image_factors[3] > 1
    batch = next(iter(built))
    assert {branch: sum(image is not None for image in images) for branch, images in batch['inputs'].items()} == {
        'sup': 1, 'unsup_teacher': 4, 'unsup_student': 4}


@pytest.mark.parametrize(('keys', 'message'), [
    (dict(labelled_source=2), r'a source 2 \(labelled_source\), got a ConcatDataset of 2 sources'),
    (dict(labelled_source=-1), 'a source -1'),
    (dict(source_ratio=[40, 1]), r'make batches of \[4, 0\] images of each source, which must be at least 1'),
    (dict(method='fs'), "unknown method 'fs'"),
    (dict(threshold=2), 'threshold'),
    (dict(rounding='up'), 'unknown rounding'),
])
def test_bad_arguments(sources, keys, message):
    with pytest.raises(ValueError, match=message):
        make(sources, **keys)


def test_not_joined(sources):
    with pytest.raises(ValueError, match='needs a ConcatDataset that has a source 0.*got a CocoDataset of 0 sources'):
        MultiSourceRepeatFactorSampler(sources[0], **BATCH)
