"""What every sampler must do: see the contract of samplers in CONTRIBUTING.md."""

import itertools
from collections import Counter

import numpy as np
import pytest
from mmdet.datasets import CocoDataset, ConcatDataset
from mmdet.registry import DATA_SAMPLERS

CASES = {
    'rfs': dict(type='RepeatFactorSampler', method='rfs', threshold=0.6),
    'irfs': dict(type='RepeatFactorSampler', method='irfs', threshold=0.6),
    'e-irfs': dict(type='RepeatFactorSampler', method='e-irfs', threshold=0.6),
    'e-irfs of counts': dict(type='RepeatFactorSampler', method='e-irfs', threshold=0.6, alpha=1.0,
                             image_frequency='of-image-counts'),
    'ceil': dict(type='RepeatFactorSampler', method='irfs', threshold=0.6, rounding='ceil'),
    'weighted': dict(type='RepeatFactorSampler', method='irfs', threshold=0.6, image_weights='weights.csv'),
    'power': dict(type='RepeatFactorSampler', method='rfs', threshold=1.0, power=1.0),
    'class-aware': dict(type='RepeatFactorSampler', method='class-aware'),
}
# Samplers whose order has no end, over a labelled and an unlabelled data set.
STREAMS = {
    'irfs': dict(type='MultiSourceRepeatFactorSampler', method='irfs', threshold=0.6),
    'e-irfs': dict(type='MultiSourceRepeatFactorSampler', method='e-irfs', threshold=0.6),
    'ceil': dict(type='MultiSourceRepeatFactorSampler', method='rfs', threshold=0.6, rounding='ceil'),
    'power': dict(type='MultiSourceRepeatFactorSampler', method='irfs', threshold=0.6, power=0.75),
    'class-aware': dict(type='MultiSourceRepeatFactorSampler', method='class-aware'),
}
BOXES = [(1, 1), (2, 1), (3, 1), (4, 1), (4, 2), (5, 2), (6, 3)]
IMAGES = 7  # the last without boxes


@pytest.fixture(params=CASES)
def make(request, annotation_file, tmp_path, monkeypatch):
    """A function that makes the sampler on a rank."""
    dataset = CocoDataset(ann_file=str(annotation_file(BOXES, num_images=IMAGES)), data_prefix=dict(img=''), pipeline=[],
                          metainfo=dict(classes=('a', 'b', 'c')))
    (tmp_path / 'weights.csv').write_text('image_id,path,weight\n' + ''.join(
        f'{index},{index}.jpg,{index}\n' for index in range(1, IMAGES + 1)))
    config = {key: str(tmp_path / value) if key == 'image_weights' else value for key, value in CASES[request.param].items()}

    def sampler(rank=0, ranks=1, **keys):
        monkeypatch.setattr('imbdet.repeat_sampling.sampler.get_dist_info', lambda: (rank, ranks))
        return DATA_SAMPLERS.build(dict(config, dataset=dataset, **{'seed': 0, **keys}))

    return sampler


def epochs(sampler, number):
    found = []
    for epoch in range(number):
        sampler.set_epoch(epoch)
        found.append(list(sampler))
    return found


def test_the_length_never_changes(make):
    sampler = make()
    assert {len(epoch) for epoch in epochs(sampler, 5)} == {len(sampler)}
    assert all(0 <= index < IMAGES for index in sampler)


def test_seed_and_epoch_decide(make):
    first = epochs(make(), 3)
    assert epochs(make(), 3) == first
    assert epochs(make(seed=1), 3) != first
    assert first[0] != first[1]
    sampler = make()
    sampler.set_epoch(2)  # as a resumed training does
    assert list(sampler) == first[2]


@pytest.mark.parametrize('ranks', [2, 3, 20])
def test_ranks_share_one_order(make, ranks):
    """Together they draw what one rank draws, in turns, filled up from the start; also more ranks than images."""
    alone = epochs(make(), 2)
    parts = [epochs(make(rank, ranks), 2) for rank in range(ranks)]
    for epoch, whole in enumerate(alone):
        shared = [index for turn in zip(*(part[epoch] for part in parts), strict=True) for index in turn]
        assert shared[:len(whole)] == whole
        assert shared == np.resize(whole, len(shared)).tolist()
    uneven = [make(rank, ranks, round_up=False) for rank in range(ranks)]
    assert sum(map(len, uneven)) == len(alone[0])
    assert sorted(index for sampler in uneven for index in sampler) == sorted(alone[0])


def test_expected_draws_are_proportional_to_the_factors(make):
    sampler = make()
    drawn = Counter(index for epoch in epochs(sampler, 3000) for index in epoch)
    shares = np.array([drawn[index] for index in range(IMAGES)]) / sum(drawn.values())
    np.testing.assert_allclose(shares, sampler.image_factors / sampler.image_factors.sum(), atol=0.01)


def test_without_shuffling(make):
    assert list(make(shuffle=False)) == sorted(make(shuffle=False))


@pytest.fixture(params=STREAMS)
def stream(request, annotation_file, monkeypatch):
    """A function that makes the sampler on a rank and returns the first images of each source, by source."""
    files = [annotation_file(boxes, num_images=IMAGES, name=name) for boxes, name in ((BOXES, 'a.json'), ([], 'b.json'))]
    dataset = ConcatDataset([CocoDataset(ann_file=str(path), data_prefix=dict(img=''), pipeline=[], serialize_data=False,
                                         metainfo=dict(classes=('a', 'b', 'c'))) for path in files])

    def first(number, rank=0, ranks=1, seed=0):
        for module in ('mmdet.datasets.samplers.multi_source_sampler', 'imbdet.repeat_sampling.sampler'):
            monkeypatch.setattr(f'{module}.get_dist_info', lambda: (rank, ranks))
        sampler = DATA_SAMPLERS.build(dict(STREAMS[request.param], dataset=dataset, batch_size=2, source_ratio=[1, 1],
                                           seed=seed))
        drawn = list(itertools.islice(sampler, 2 * number))
        return drawn[::2], drawn[1::2], sampler

    return first


def test_seed_decides_a_stream(stream):
    first = stream(50)[:2]
    assert stream(50)[:2] == first
    assert stream(50, seed=1)[0] != first[0]


@pytest.mark.parametrize('ranks', [2, 3, 20])
def test_ranks_share_one_stream(stream, ranks):
    """In turns, for each source, also with more ranks than images; nothing is drawn twice and nothing is left out."""
    parts = [stream(6, rank, ranks) for rank in range(ranks)]
    for source, whole in enumerate(stream(6 * ranks)[:2]):
        assert [index for turn in zip(*(part[source] for part in parts), strict=True) for index in turn] == whole


def test_a_stream_is_proportional_to_the_factors(stream):
    labelled, others, sampler = stream(30000)
    factors = sampler.labelled.image_factors
    np.testing.assert_allclose(np.bincount(labelled, minlength=IMAGES) / 30000, factors / factors.sum(), atol=0.01)
    np.testing.assert_allclose(np.bincount(others, minlength=2 * IMAGES)[IMAGES:] / 30000, 1 / IMAGES, atol=0.001)
