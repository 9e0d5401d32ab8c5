"""Class counts reach the modules that ask, before training, and before a test from the checkpoint."""

import json

import numpy as np
import pytest
import torch
from mmengine.runner import Runner

from imbdet.training import ClassCountsHook

from ..contracts import asking_loss  # noqa: F401  registers
from ..tiny_detectors import tiny_detector
from ..tiny_training import RUNS, make_runner, training_config, write_training_set


def model():
    config = tiny_detector('retinanet')
    config.bbox_head.loss_cls = dict(type='AskingLoss', use_sigmoid=True)
    return config


def counts_of(folder, name='train.json'):
    labels = [box['category_id'] for box in json.loads((folder / name).read_text())['annotations']]
    return np.bincount(labels, minlength=3).tolist()


def asked(runner):
    return runner.model.bbox_head.loss_cls.class_counts.tolist()


def test_put_in_where_a_module_asks(tmp_path):
    write_training_set(tmp_path)
    runner = make_runner(tmp_path, model())
    assert not any(isinstance(hook, ClassCountsHook) for hook in runner.hooks)
    runner.train()
    assert asked(runner) == counts_of(tmp_path)
    runner.call_hook('before_val')
    assert runner.model.bbox_head.loss_cls.times_set == 1  # validations of a training set nothing again
    saved = torch.load(tmp_path / 'work/iter_2.pth', weights_only=True)['class_counts']
    assert saved['boxes'].tolist() == counts_of(tmp_path)
    assert saved['num_images'] == 8
    plain = make_runner(tmp_path, tiny_detector('retinanet'))
    plain.train()
    assert not any(isinstance(hook, ClassCountsHook) for hook in plain.hooks)
    named = make_runner(tmp_path, model(), [dict(type='ClassCountsHook')])
    named.train()
    assert sum(isinstance(hook, ClassCountsHook) for hook in named.hooks) == 1


def make_tester(folder, load_from=None):
    config = training_config(folder, model())
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper'):
        config.pop(key)
    config.test_dataloader = dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dict(
        type='CocoDataset', data_root=str(folder), ann_file='train.json', data_prefix=dict(img='images/'), test_mode=True,
        metainfo=dict(classes=('a', 'b', 'c')),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='Resize', scale=(128, 96)), dict(type='PackDetInputs')]))
    config.test_evaluator = dict(type='CocoMetric', ann_file=str(folder / 'train.json'))
    config.test_cfg = dict(type='TestLoop')
    config.load_from = load_from
    config.experiment_name = f'run_{next(RUNS)}'
    return Runner.from_cfg(config)


def test_a_test_has_the_counts_of_the_checkpoint(tmp_path):
    write_training_set(tmp_path)
    make_runner(tmp_path, model()).train()
    counts = counts_of(tmp_path)
    write_training_set(tmp_path, num_boxes=1, seed=1)  # the tested images are others
    path = tmp_path / 'work/iter_2.pth'
    runner = make_tester(tmp_path, str(path))
    runner.test()
    assert asked(runner) == counts
    weights = torch.load(path, weights_only=True)
    del weights['state_dict']['bbox_head.loss_cls.class_counts']  # of a module that came later
    torch.save(weights, tmp_path / 'other.pth')
    runner = make_tester(tmp_path, str(tmp_path / 'other.pth'))
    runner.test()
    assert asked(runner) == counts
    with pytest.raises(ValueError, match=r'bbox_head\.loss_cls ask for class counts, and the checkpoint has none'):
        make_tester(tmp_path).test()


def test_other_data_than_the_checkpoint_s(tmp_path):
    """A training counts its own data set, whatever it starts from."""
    write_training_set(tmp_path)
    make_runner(tmp_path, model()).train()
    write_training_set(tmp_path, num_boxes=1, seed=1)
    runner = make_runner(tmp_path, model(), load_from=str(tmp_path / 'work/iter_2.pth'))
    runner.train()
    assert asked(runner) == counts_of(tmp_path)


def test_a_class_without_images_counts_as_seen_once(tmp_path):
    write_training_set(tmp_path)
    content = json.loads((tmp_path / 'train.json').read_text())
    content['annotations'] = [box for box in content['annotations'] if box['category_id'] != 1]
    (tmp_path / 'train.json').write_text(json.dumps(content))
    runner = make_runner(tmp_path, model())
    runner.train()
    expected = counts_of(tmp_path)
    assert expected[1] == 0
    assert asked(runner) == [expected[0], 1, expected[2]]
    log = next((tmp_path / 'work').glob('*/*.log')).read_text()
    assert 'no training image holds 1 of the classes, which count as seen once: b' in log


def test_what_predicts_without_counts_is_tested_without(tmp_path):
    """A loss of which no score depends on class counts needs none of them in a test."""
    write_training_set(tmp_path)
    tester = make_tester(tmp_path)
    tester.model.bbox_head.loss_cls.counts_in_training_only = True
    tester.test()
    assert asked(tester) == [0, 0, 0]


@pytest.mark.parametrize('wrapper', [
    dict(type='RepeatDataset', times=10), dict(type='ClassBalancedDataset', oversample_thr=0.9)])
def test_repeated_images_count_once(tmp_path, wrapper):
    write_training_set(tmp_path)
    config = training_config(tmp_path, model())
    config.train_dataloader.dataset = dict(wrapper, dataset=config.train_dataloader.dataset)
    config.experiment_name = f'run_{next(RUNS)}'
    runner = Runner.from_cfg(config)
    runner.train()
    assert asked(runner) == counts_of(tmp_path)


def test_parts_are_added(tmp_path):
    write_training_set(tmp_path)
    config = training_config(tmp_path, model())
    config.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[config.train_dataloader.dataset] * 2)
    config.experiment_name = f'run_{next(RUNS)}'
    runner = Runner.from_cfg(config)
    runner.train()
    assert asked(runner) == [2 * count for count in counts_of(tmp_path)]
