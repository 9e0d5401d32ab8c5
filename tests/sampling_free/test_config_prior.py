"""Priors measured without a training are those that the hook measures."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from imbdet.sampling_free import optimal_bias
from imbdet.sampling_free.config_prior import measure_config_priors

from ..tiny_detectors import tiny_detector
from ..tiny_training import training_config, write_training_set


@pytest.mark.parametrize(('name', 'head'), [('retinanet', 'bbox_head'), ('faster-rcnn', 'rpn_head')])
def test_as_the_hook(tmp_path, name, head):
    """On all batches, without augmentation, neither order nor weights matter."""
    write_training_set(tmp_path)
    config = training_config(tmp_path, tiny_detector(name), [dict(type='OptimalBiasInitHook', num_batches=99)], max_iters=1,
                             flip=0)
    runner = Runner.from_cfg(config)
    runner.train()
    wanted = json.loads((Path(runner.work_dir) / 'foreground_prior.json').read_text())[head]
    random.seed(7)
    torch.manual_seed(7)
    state = random.getstate(), torch.get_rng_state()
    priors = measure_config_priors(config, num_batches=99)
    assert random.getstate() == state[0]
    assert torch.equal(torch.get_rng_state(), state[1])
    assert list(priors.records) == [head]
    assert priors.records[head].pop('is_guess') is False
    assert priors.records[head].pop('bias') == pytest.approx(optimal_bias(wanted['prior']))
    wanted.pop('bias')
    assert priors.records[head] == wanted
    assert list(priors.skipped) == (['roi_head.bbox_head'] if name == 'faster-rcnn' else [])


def test_heads_that_cannot_be_measured(tmp_path):
    write_training_set(tmp_path)
    priors = measure_config_priors(training_config(tmp_path, tiny_detector('ssd')))
    assert priors.records == {}
    assert priors.skipped == {'bbox_head': 'the foreground of a SSDHead cannot be counted'}
    priors = measure_config_priors(training_config(tmp_path, tiny_detector('yolox')), num_batches=1)
    assert priors.records['bbox_head']['is_guess'] is True


def test_same_seed_same_priors(tmp_path):
    write_training_set(tmp_path)
    config = training_config(tmp_path, tiny_detector('retinanet'))
    counts = [measure_config_priors(config, num_batches=2, seed=seed).records['bbox_head']['num_foreground']
              for seed in (0, 0, 1, 2, 3)]
    assert counts[0] == counts[1]
    assert len(np.unique(counts)) > 1


def test_without_a_training_set():
    with pytest.raises(ValueError, match='has no train_dataloader to measure the foreground prior on'):
        measure_config_priors(Config(dict(model=tiny_detector('retinanet'))))
