"""Class-aware draws against a loop over single draws, exact counts over whole cycles, and mmdet's ClassAwareSampler."""

import itertools
import logging
from collections import Counter

import numpy as np
import pytest
from mmdet.datasets import CocoDataset, ConcatDataset, MultiImageMixDataset
from mmdet.datasets.samplers import ClassAwareSampler
from mmengine.dataset import RepeatDataset

from imbdet.repeat_sampling import MultiSourceRepeatFactorSampler, RepeatFactorSampler, RepeatRule

# a is in images 1 to 4, b in 5 and 1, c in 6 alone; d has a crowd, e nothing, image 7 no label, image 8 only the crowd.
BOXES = [*({'image_id': image, 'category_id': category} for image, category in
           ((1, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (1, 2), (6, 3))), {'image_id': 8, 'category_id': 4, 'iscrowd': 1}]
IMAGES_OF_CLASSES = {0: [0, 1, 2, 3], 1: [0, 4], 2: [5]}
NUM_IMAGES = 8
FACTORS = np.array([8 / 3 * (1 / 4 + 1 / 2), *[8 / 3 / 4] * 3, 8 / 3 / 2, 8 / 3, 0, 0])


@pytest.fixture
def coco(annotation_file):
    def make(boxes=BOXES, num_images=NUM_IMAGES, classes='abcde', name='train.json'):
        path = annotation_file(boxes, num_images=num_images, categories=classes, name=name)
        return CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=tuple(classes)), pipeline=[],
                           serialize_data=False)

    return make


@pytest.fixture
def tail(coco):
    """Sixty images of one class each, of a long tail, so that an image tells which class was drawn; their labels."""
    labels = np.random.default_rng(0).permutation(np.repeat(range(5), [31, 16, 8, 4, 1]))
    return coco([(1 + image, 1 + label) for image, label in enumerate(labels.tolist())], len(labels)), labels


def class_aware(dataset, **keys):
    return RepeatFactorSampler(dataset, method='class-aware', **{'seed': 0, **keys})


def draw(sampler, number):
    """The images of the first epochs, one after the other."""
    drawn = []
    for epoch in range(number):
        sampler.set_epoch(epoch)
        drawn += list(sampler)
    return drawn


def one_by_one(images_of_classes, seed, number):
    """Draw g is of class number g % C in permutation g // C of the classes, the b-th draw of the class for b = g // C."""
    classes = sorted(images_of_classes)
    for index in range(number):
        block, position = divmod(index, len(classes))
        label = classes[np.random.default_rng((seed, 1, block)).permutation(len(classes))[position]]
        cycle, turn = divmod(block, len(images_of_classes[label]))
        order = np.random.default_rng((seed, 2, label, cycle)).permutation(len(images_of_classes[label]))
        yield images_of_classes[label][order[turn]]


@pytest.mark.parametrize('seed', [0, 3])
def test_draws_are_those_of_a_loop(coco, tail, seed):
    assert draw(class_aware(coco(), seed=seed), 20) == list(one_by_one(IMAGES_OF_CLASSES, seed, 20 * NUM_IMAGES))
    dataset, labels = tail
    images = {label: np.flatnonzero(labels == label).tolist() for label in range(5)}
    assert draw(class_aware(dataset, seed=seed), 9) == list(one_by_one(images, seed, 9 * len(labels)))


def test_all_classes_are_drawn_in_turn_and_no_image_again_before_all(tail):
    dataset, labels = tail
    drawn = np.array(draw(class_aware(dataset), 31))
    for block in labels[drawn].reshape(-1, 5):
        assert sorted(block) == [0, 1, 2, 3, 4]
    for label in range(5):
        own, number = drawn[labels[drawn] == label], (labels == label).sum()
        assert len(own) == 31 * 60 / 5
        cycles = own[:len(own) // number * number].reshape(-1, number)
        assert (np.sort(cycles) == np.flatnonzero(labels == label)).all()
        if label in (0, 1):  # of 31 and 16 images, which never come in the same order again
            assert len(np.unique(cycles, axis=0)) == len(cycles)


def test_counts_are_exact_over_whole_cycles(coco):
    """Twelve epochs of eight draws are 32 permutations of the classes: 8, 16 and 32 cycles of the images of a, b and c."""
    drawn = np.bincount(draw(class_aware(coco()), 12), minlength=NUM_IMAGES)
    assert drawn.tolist() == [8 + 16, 8, 8, 8, 16, 32, 0, 0]
    np.testing.assert_allclose(drawn, 12 * FACTORS)


@pytest.mark.parametrize('epoch', [0, 4])
def test_factors_are_the_expected_draws_of_each_epoch(coco, epoch):
    sampler = class_aware(coco())
    np.testing.assert_allclose(sampler.image_factors, FACTORS)
    np.testing.assert_allclose(sampler.category_factors, [8 / 3 / 4, 8 / 3 / 2, 8 / 3, 0, 0])
    counts = []
    for sampler.seed in range(3000):
        counts.append(np.bincount(sampler.draw_epoch(epoch), minlength=NUM_IMAGES))
    error = np.std(counts, 0) / np.sqrt(3000)
    assert (np.abs(np.mean(counts, 0) - FACTORS) <= 5 * error).all()


def test_as_often_as_mmdets(coco):
    """Where mmdet's is right: one data set, without crowds."""
    dataset = coco(BOXES[:-1])
    ours, theirs = (np.bincount(draw(sampler, 3000), minlength=NUM_IMAGES) / 3000
                    for sampler in (class_aware(dataset), ClassAwareSampler(dataset, seed=0)))
    np.testing.assert_allclose(ours, theirs, atol=0.06)
    np.testing.assert_allclose(theirs, FACTORS, atol=0.06)


def test_what_mmdets_lacks(coco, tail):
    """If one of these fails, mmdet has changed, and configs/irfs/README.md has to say so."""
    assert ClassAwareSampler(coco(), seed=0).cat_dict[3] == [7]  # a crowd
    for wrapped in (ConcatDataset([coco(), coco()]), RepeatDataset(coco(), 2), MultiImageMixDataset(coco(), [])):
        with pytest.raises(AttributeError, match='get_cat_ids'):
            ClassAwareSampler(wrapped, seed=0)
    with pytest.raises(ZeroDivisionError):
        list(ClassAwareSampler(coco([]), seed=0))
    first, second = ClassAwareSampler(coco(), seed=0), ClassAwareSampler(coco(), seed=1)
    first.set_epoch(1)
    assert list(first) == list(second)
    dataset, labels = tail
    theirs, ours = ([image for image in draw(sampler, 2) if labels[image] == 0]
                    for sampler in (ClassAwareSampler(dataset, seed=0), class_aware(dataset)))
    assert len(theirs) == len(set(ours)) == len(ours) == 24
    assert len(set(theirs)) < 24  # some twice in two epochs, while others were not shown


def test_an_epoch_does_not_need_those_before(tail):
    whole = draw(class_aware(tail[0], seed=5), 6)
    resumed = class_aware(tail[0], seed=5)
    resumed.set_epoch(5)
    assert list(resumed) == whole[300:]
    assert draw(class_aware(tail[0], seed=6), 1) != whole[:60]
    seeds = [class_aware(tail[0], seed=seed).draw_epoch(epoch).tolist() for seed, epoch in ((0, 1), (1, 0))]
    assert seeds[0] != seeds[1]


@pytest.mark.parametrize('ranks', [2, 3, 7])
def test_ranks_take_turns(tail, ranks):
    parts = []
    for rank in range(ranks):
        sampler = class_aware(tail[0], round_up=False)
        sampler.rank, sampler.world_size = rank, ranks
        sampler.set_epoch(3)
        parts.append(list(sampler))
        assert len(parts[-1]) == len(sampler)
    whole = class_aware(tail[0]).draw_epoch(3).tolist()
    assert [image for turn in itertools.zip_longest(*parts) for image in turn if image is not None] == whole


def test_wrappers(coco):
    """A set in two parts is the set; repeated or behind a wrapper, each image is drawn as often as before."""
    first = [box for box in BOXES if box['image_id'] <= 3]
    rest = [{**box, 'image_id': box['image_id'] - 3} for box in BOXES if box['image_id'] > 3]
    joined = ConcatDataset([coco(first, 3, name='first.json'), coco(rest, NUM_IMAGES - 3, name='rest.json')])
    for dataset in (joined, MultiImageMixDataset(coco(), [])):
        assert draw(class_aware(dataset), 5) == draw(class_aware(coco()), 5)
    repeated = class_aware(RepeatDataset(coco(), 3))
    np.testing.assert_allclose(repeated.image_factors, np.tile(FACTORS, 3))
    drawn = np.bincount(np.array(draw(repeated, 12)) % NUM_IMAGES, minlength=NUM_IMAGES)
    np.testing.assert_allclose(drawn, 3 * 12 * FACTORS)


def test_labelled_source_of_semi_supervised_training(coco):
    dataset = ConcatDataset([coco(), coco([], 5, name='unlabelled.json')])
    sampler = MultiSourceRepeatFactorSampler(dataset, batch_size=2, source_ratio=[1, 1], seed=4, method='class-aware')
    stream = list(itertools.islice(sampler, 2 * 40))
    assert stream[::2] == draw(class_aware(coco(), seed=4), 5)
    assert min(stream[1::2]) >= NUM_IMAGES


def test_log_line_and_warnings(coco, mmengine_log):
    log = mmengine_log()
    with log.at_level(logging.INFO, logger='mmengine'):
        class_aware(coco())
    assert ('RepeatFactorSampler (class-aware): 2 of 5 classes and 3 of 8 images have a factor above 1; largest: 2.667 (c); an '
            "epoch draws 8 images, 1.000 of the data set's length") in log.text
    assert '2 classes have no training image and cannot be learned: d, e' in log.text
    assert "2 of 8 images have no labels and are never drawn by method='class-aware'" in log.text


def test_all_images_have_labels(tail, mmengine_log):
    log = mmengine_log()
    class_aware(tail[0])
    assert 'never drawn' not in log.text


@pytest.mark.parametrize('boxes', [[], [{'image_id': 1, 'category_id': 2, 'iscrowd': 1}]], ids=['no boxes', 'only a crowd'])
def test_no_class_has_an_image(coco, boxes):
    with pytest.raises(ValueError, match='CocoDataset: no class has an image.*neither crowds nor ignored'):
        class_aware(coco(boxes))


@pytest.mark.parametrize('keys', [dict(threshold=0.1), dict(alpha=1.0), dict(image_frequency='of-image-counts'),
                                  dict(rounding='ceil'), dict(power=1.0)])
def test_settings_of_other_methods_are_refused(coco, keys):
    message = f"{next(iter(keys))}=.* has no meaning with method='class-aware', which draws all classes.*; remove it"
    with pytest.raises(ValueError, match=message):
        class_aware(coco(), **keys)
    with pytest.raises(ValueError, match=message):
        RepeatRule('class-aware', **keys)


@pytest.mark.parametrize('name', ['image_weights', 'likelihoods'])
def test_weights_are_refused(coco, name):
    with pytest.raises(ValueError, match=f"{name}='weights.csv' has no meaning with method='class-aware'.*remove it"):
        class_aware(coco(), **{name: 'weights.csv'})


def test_one_class_and_one_image(coco):
    assert draw(class_aware(coco([(1, 1)], 1, 'a')), 3) == [0, 0, 0]
    drawn = draw(class_aware(coco([(image, 1) for image in range(1, 6)], 5, 'a')), 4)
    assert Counter(drawn) == dict.fromkeys(range(5), 4)
    assert draw(class_aware(coco(), shuffle=False), 1) == sorted(draw(class_aware(coco()), 1))
