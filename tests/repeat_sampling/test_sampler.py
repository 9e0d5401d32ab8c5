"""RepeatFactorSampler over real mmdet data sets and wrappers, ranks, epochs, and in mmengine's loops."""

import json
import logging
import math
from collections import Counter

import numpy as np
import pytest
import torch.multiprocessing
from mmdet.datasets import AspectRatioBatchSampler, CocoDataset, ConcatDataset, LVISV1Dataset, MultiImageMixDataset
from mmdet.registry import DATA_SAMPLERS, DATASETS
from mmengine.dataset import RepeatDataset
from mmengine.logging import MMLogger
from mmengine.runner import Runner

from imbdet.repeat_sampling import RepeatFactorSampler, category_repeat_factors

from ..dataset_equity.write_likelihoods import write_for
from ..two_ranks import join_ranks

# Image 1 has a and a crowd of b, image 2 nothing, image 3 a twice and c; nobody has d.
BOXES = [(1, 1), {'image_id': 1, 'category_id': 2, 'iscrowd': 1}, (3, 1), (3, 1), (3, 3)]
CATEGORIES = ('a', 'b', 'c', 'd')


def coco(path, classes=CATEGORIES, **arguments):
    return CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=classes), pipeline=[], **arguments)


@pytest.fixture
def dataset(annotation_file):
    return coco(annotation_file(BOXES, categories=CATEGORIES))


def expected_image_factors(method, threshold):
    """Factors of the three images, counted by hand: a is in 2 of 3 images with 3 of 4 boxes, c in 1 with 1."""
    factor_a, _, factor_c, _ = category_repeat_factors([2, 0, 1, 0], [3, 0, 1, 0], 3, threshold, method)
    return [factor_a, 1.0, max(factor_a, factor_c)]


@pytest.mark.parametrize('method', ['irfs', 'rfs', 'e-irfs'])
def test_factors_of_a_data_set(dataset, method):  # faults 1 and 4
    sampler = RepeatFactorSampler(dataset, method=method, threshold=0.9, seed=0)
    assert sampler.image_factors == pytest.approx(expected_image_factors(method, 0.9))  # the crowd of b counts nowhere
    assert len(sampler) == len(list(sampler)) == (3 if method == 'e-irfs' else math.ceil(sampler.image_factors.sum()))


def test_ignored_boxes_do_not_count(annotation_file):  # fault 4
    ignored = coco(annotation_file([(1, 1), {'image_id': 2, 'category_id': 2, 'ignore': 1}], categories=('a', 'b')),
                   ('a', 'b'))
    assert RepeatFactorSampler(ignored, threshold=0.9).category_factors[1] == 1


def test_wrappers_give_the_same_labels(dataset, annotation_file):  # fault 6
    plain = RepeatFactorSampler(dataset, threshold=0.9).image_factors.tolist()
    mixed = MultiImageMixDataset(dataset, pipeline=[])
    assert RepeatFactorSampler(mixed, threshold=0.9).image_factors.tolist() == plain
    assert RepeatFactorSampler(RepeatDataset(dataset, 2), threshold=0.9).image_factors.tolist() == pytest.approx(plain * 2)
    other = coco(annotation_file(BOXES, categories=CATEGORIES, name='other.json'))
    joined = ConcatDataset([dataset, other])
    assert RepeatFactorSampler(joined, threshold=0.9).image_factors.tolist() == pytest.approx(plain * 2)


def test_joined_data_sets_with_different_classes(dataset, annotation_file):  # fault 6
    other = coco(annotation_file([(1, 1)], categories=('x', ), name='other.json'), ('x', ))
    with pytest.raises(ValueError, match='different classes'):
        RepeatFactorSampler(ConcatDataset([dataset, other]))


def test_lvis_data_set(digits):
    arguments = dict(data_root=str(digits), ann_file='annotations/digits_longtail_train.json',
                     data_prefix=dict(img='visible/'), pipeline=[])
    content = json.loads((digits / arguments['ann_file']).read_text())
    classes = tuple(category['name'] for category in content['categories'])
    lvis = LVISV1Dataset(metainfo=dict(classes=classes), **arguments)
    sampler = RepeatFactorSampler(lvis, method='rfs', threshold=0.1)
    counts = [category['image_count'] for category in content['categories']]
    assert sampler.category_factors == pytest.approx([max(1, math.sqrt(0.1 * 600 / count)) for count in counts])
    with pytest.raises(ValueError, match='20 categories.*1203 classes.*CocoDataset'):
        RepeatFactorSampler(LVISV1Dataset(**arguments))


def test_seeds_epochs_and_orders(digits_sampler):  # faults 5 and 6
    first = list(digits_sampler(seed=1))
    sampler = digits_sampler(seed=1)
    assert list(sampler) == first == list(sampler)
    sampler.set_epoch(1)
    assert list(sampler) != first
    assert list(digits_sampler(seed=2)) != first
    lengths = set()
    for epoch in range(10):
        sampler.set_epoch(epoch)
        lengths.add(len(list(sampler)))
    assert lengths == {len(sampler)}
    assert list(digits_sampler(seed=1, shuffle=False)) == sorted(digits_sampler(seed=1, shuffle=False))


@pytest.fixture
def digits_sampler(digits):
    dataset = coco(digits / 'annotations/digits_longtail_train.json', digit_classes())
    return lambda **arguments: RepeatFactorSampler(dataset, **{'threshold': 0.1, **arguments})


def digit_classes():
    return tuple(f'{ink}_{digit}' for ink in ('light', 'dark') for digit in range(10))


@pytest.mark.parametrize('round_up', [True, False])
@pytest.mark.parametrize('world_size', [1, 2, 3, 7])
def test_ranks_take_disjoint_parts(digits_sampler, world_size, round_up):  # fault 6
    parts = []
    for rank in range(world_size):
        sampler = digits_sampler(seed=5, round_up=round_up)
        sampler.rank, sampler.world_size = rank, world_size
        sampler.set_epoch(3)
        parts.append(list(sampler))
        assert len(parts[-1]) == len(sampler)
    whole = digits_sampler(seed=5)
    whole.set_epoch(3)
    expected, union = Counter(whole), Counter(index for part in parts for index in part)
    surplus = union - expected
    assert expected - union == Counter()
    assert surplus.total() == (-whole.epoch_size % world_size if round_up else 0)
    if round_up:
        assert len({len(part) for part in parts}) == 1


def test_data_set_smaller_than_the_world(dataset):  # fault 5
    sampler = RepeatFactorSampler(dataset, threshold=1e-3, seed=0)
    parts = []
    for rank in range(8):
        sampler.rank, sampler.world_size = rank, 8
        parts.append(list(sampler))
        assert len(parts[-1]) == len(sampler) == 1
    assert {index for part in parts for index in part} == {0, 1, 2}


def _real_ranks(rank, path, folder):
    join_ranks(rank, folder)
    # seed=None: the ranks must agree on one.
    sampler = RepeatFactorSampler(coco(path, digit_classes()), threshold=0.1, seed=None)
    np.save(f'{folder}/{rank}.npy', list(sampler))


def test_two_processes(digits, tmp_path):  # fault 6
    path = digits / 'annotations/digits_longtail_train.json'
    torch.multiprocessing.spawn(_real_ranks, (path, tmp_path), nprocs=2)
    parts = [np.load(tmp_path / f'{rank}.npy') for rank in range(2)]
    counts = np.bincount(np.concatenate(parts), minlength=600)
    factors = RepeatFactorSampler(coco(path, digit_classes()), threshold=0.1).image_factors
    assert (counts >= np.floor(factors)).all()  # every image, so the parts belong to one draw
    assert counts.sum() in (math.ceil(factors.sum()), math.ceil(factors.sum()) + 1)


@pytest.mark.parametrize('num_workers', [0, 2])
def test_loaders_keep_the_order(dataset, num_workers):  # fault 6
    dataset.pipeline.transforms.append(lambda item: item['img_id'])
    loader = dict(dataset=dataset, batch_size=2, num_workers=num_workers, collate_fn=dict(type='default_collate'),
                  sampler=dict(type='RepeatFactorSampler', threshold=0.9))
    order = [image for batch in Runner.build_dataloader(loader, seed=3) for image in batch.tolist()]
    ids = [dataset.get_data_info(index)['img_id'] for index in RepeatFactorSampler(dataset, threshold=0.9, seed=3)]
    assert order == ids


def test_batch_larger_than_the_data_set(dataset):  # fault 5
    dataset.pipeline.transforms.append(lambda item: item['img_id'])
    loader = dict(dataset=dataset, batch_size=64, num_workers=0, collate_fn=dict(type='default_collate'),
                  sampler=dict(type='RepeatFactorSampler', threshold=1e-3))
    assert [len(batch) for batch in Runner.build_dataloader(loader, seed=3)] == [3]


def test_aspect_ratio_batches(digits_sampler):
    sampler = digits_sampler(seed=1)
    batches = list(AspectRatioBatchSampler(sampler, 4))
    assert sorted(index for batch in batches for index in batch) == sorted(sampler)


def test_log_line_and_warning(dataset, caplog):  # fault 3
    with caplog.at_level(logging.INFO, logger='mmengine'):
        MMLogger.get_current_instance().addHandler(caplog.handler)
        sampler = RepeatFactorSampler(dataset, method='rfs', threshold=0.9, seed=0)
        MMLogger.get_current_instance().removeHandler(caplog.handler)
    text = caplog.text
    assert f'2 of 4 classes and 2 of 3 images have a factor above 1; largest: {math.sqrt(0.9 * 3):.4g} (c)' in text
    assert f'an epoch draws {sampler.epoch_size} images' in text
    assert '2 classes have no training image and cannot be learned: b, d' in text


def test_bad_arguments(dataset, annotation_file):  # fault 3
    with pytest.raises(ValueError, match="unknown method 'ifrs'"):
        RepeatFactorSampler(dataset, method='ifrs')
    for threshold in (0, -1, float('nan'), 2):
        with pytest.raises(ValueError, match='threshold'):
            RepeatFactorSampler(dataset, threshold=threshold)
    with pytest.raises(ValueError, match=r'class .bb. of the config is not a category.*did you mean .b.'):
        RepeatFactorSampler(coco(annotation_file(BOXES, categories=CATEGORIES), ('a', 'bb', 'c', 'd')))
    with pytest.raises(TypeError, match='list has no get_data_info'):
        RepeatFactorSampler([1, 2])
    dataset_without_boxes = DATASETS.build(dict(type='BaseDetDataset', ann_file='', lazy_init=True, pipeline=[],
                                                metainfo=dict(classes=('a', ))))
    dataset_without_boxes.data_list, dataset_without_boxes.serialize_data = [{'img_id': 1}], False
    dataset_without_boxes._fully_initialized = True
    with pytest.raises(TypeError, match='instances'):
        RepeatFactorSampler(dataset_without_boxes)


def test_registered_as_mmdet_sampler(dataset):
    built = DATA_SAMPLERS.build(dict(type='RepeatFactorSampler', dataset=dataset, threshold=0.5, seed=1))
    assert isinstance(built, RepeatFactorSampler)


def test_appearance_multiplies_the_factors(dataset, tmp_path):
    """An image of the rarest appearance is seen (1 + 1 / eta) times as often as one of the commonest."""
    likelihoods = [1.0, 0.0, 0.5]
    names = np.array([f'images/{index}.jpg' for index in (1, 2, 3)])
    path = write_for(tmp_path, likelihoods, image_ids=np.array(['1', '2', '3']), paths=names)
    plain = RepeatFactorSampler(dataset, threshold=0.9).image_factors
    sampler = RepeatFactorSampler(dataset, threshold=0.9, seed=0, likelihoods=path, eta=0.5, gamma=2.0)
    assert sampler.image_factors == pytest.approx(plain * [1.0, 3.0, 1 + 0.25 / 0.5])
    assert len(sampler) == math.ceil(sampler.image_factors.sum())


def test_an_image_without_a_likelihood(dataset, tmp_path):
    path = write_for(tmp_path, [0.5], image_ids=np.array(['2']), paths=np.array(['images/2.jpg']))
    with pytest.raises(ValueError, match='has no row for 2 of 3 training images, such as 1.jpg, 3.jpg'):
        RepeatFactorSampler(dataset, likelihoods=path)


def write_weights(path, rows, head='image_id,path,weight'):
    path.write_text('\n'.join([head, *rows]) + '\n')
    return path


def test_weights_multiply_the_factors(dataset, tmp_path):
    """By the smallest weight of the file, also of an image that is not trained on; other columns do not matter."""
    plain = RepeatFactorSampler(dataset, threshold=0.9).image_factors
    path = write_weights(tmp_path / 'weights.csv', ['7,3,images/3.jpg,0.5', '7,1,images/1.jpg,2', '7,2,images/2.jpg,1',
                                                    '7,9,images/9.jpg,0.25'], 'cluster,image_id,path,weight')
    sampler = RepeatFactorSampler(dataset, threshold=0.9, seed=0, image_weights=path)
    assert sampler.image_factors == pytest.approx(plain * [8.0, 4.0, 2.0])
    assert len(sampler) == math.ceil(sampler.image_factors.sum())


def test_weights_by_appearance_are_those_of_the_likelihoods(dataset, tmp_path):
    """The table next to the likelihoods gives the factors that the likelihoods gave in imbdet 0.1."""
    names = np.array([f'images/{index}.jpg' for index in (1, 2, 3)])
    path = write_for(tmp_path, [1.0, 0.2, 0.5], image_ids=np.array(['1', '2', '3']), paths=names)
    by_likelihoods = RepeatFactorSampler(dataset, threshold=0.9, likelihoods=path).image_factors
    by_table = RepeatFactorSampler(dataset, threshold=0.9, image_weights=path.with_suffix('.csv')).image_factors
    np.testing.assert_allclose(by_table, by_likelihoods, rtol=1e-8)


@pytest.mark.parametrize(('head', 'row', 'message'), [
    ('image_id,path', '1,1.jpg', r'weights\.csv: no column weight in the first line'),
    ('image_id,path,weight', '1,1.jpg,0', r"weights\.csv, line 2: a weight must be a number above 0, got '0'"),
    ('image_id,path,weight', '1,1.jpg,nan', "must be a number above 0, got 'nan'"),
    ('image_id,path,weight', '1,1.jpg,inf', "must be a number above 0, got 'inf'"),
    ('image_id,path,weight', '1,1.jpg', 'must be a number above 0, got None'),
    ('image_id,path,weight', '1,1.jpg,1', r'no row for 2 of 3 training images, such as 2\.jpg, 3\.jpg'),
    ('image_id,path,weight', '1,other.jpg,1', r'image id 1 is 1\.jpg in the data set but other\.jpg in the file'),
])
def test_faulty_weights(dataset, tmp_path, head, row, message):
    path = write_weights(tmp_path / 'weights.csv', [row], head)
    with pytest.raises(ValueError, match=message):
        RepeatFactorSampler(dataset, image_weights=path)


def test_weights_that_are_not_there(dataset, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.csv: no such file of image weights'):
        RepeatFactorSampler(dataset, image_weights=tmp_path / 'none.csv')
    with pytest.raises(ValueError, match='no image weights after the first line'):
        RepeatFactorSampler(dataset, image_weights=write_weights(tmp_path / 'weights.csv', []))
    with pytest.raises(ValueError, match='image_weights and likelihoods cannot both be set'):
        RepeatFactorSampler(dataset, image_weights='a.csv', likelihoods='a.npz')
