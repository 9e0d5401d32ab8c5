"""Repairs of third-party breakage: each one on what breaks without it."""

import pickle

import numpy as np
import pytest
import torch
from lvis import eval as lvis_eval
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.registry import METRICS
from mmengine.runner.checkpoint import _load_checkpoint, load_from_http

from imbdet import compat


def test_imbdet_bases_are_found(tmp_path):
    (tmp_path / 'mine.py').write_text("_base_ = 'imbdet::irfs/mask-rcnn_r50_fpn_irfs_1x_lvis-v1.py'\nwork_dir = 'x'\n")
    cfg = Config.fromfile(tmp_path / 'mine.py')
    assert cfg.train_dataloader.sampler.type == 'RepeatFactorSampler'
    assert cfg.work_dir == 'x'
    assert cfg.val_evaluator._scope_ == 'mmdet'  # where mmengine looks for LongTailMetric
    assert METRICS.get('mmdet.LongTailMetric').__module__ == 'imbdet.evaluation.long_tail_metric'


def test_logged_values_of_a_checkpoint_are_read(tmp_path):
    buffer = HistoryBuffer()
    for value in (0.5, 0.25, np.float64(2.0), 3):
        buffer.update(value)
    torch.save({'message_hub': {'log_scalars': {'loss': buffer}, 'runtime_info': {'seed': np.int64(3)}}},
               tmp_path / 'a.pth')
    loaded = _load_checkpoint(str(tmp_path / 'a.pth'))['message_hub']
    assert loaded['log_scalars']['loss'].data[0].tolist() == [0.5, 0.25, 2.0, 3.0]
    assert loaded['log_scalars']['loss'].current() == 3
    assert loaded['runtime_info']['seed'] == 3


def test_a_base_that_does_not_exist(tmp_path):
    (tmp_path / 'mine.py').write_text("_base_ = 'imbdet::irfs/none.py'\n")
    with pytest.raises(FileNotFoundError, match=r'mine\.py: its base imbdet::irfs/none\.py does not exist'):
        Config.fromfile(tmp_path / 'mine.py')


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


def test_code_in_a_checkpoint_is_not_run(tmp_path):  # fault 25
    torch.save({'state_dict': {}, 'meta': Malicious(tmp_path / 'run')}, tmp_path / 'evil.pth')
    with pytest.raises(Exception, match='weights_only'):
        _load_checkpoint(str(tmp_path / 'evil.pth'))
    assert not (tmp_path / 'run').exists()


def test_code_in_a_checkpoint_of_the_network_is_not_run(tmp_path):
    torch.save({'state_dict': {}, 'meta': Malicious(tmp_path / 'run')}, tmp_path / 'evil.pth')
    torch.save({'state_dict': {'a': torch.ones(2)}}, tmp_path / 'good.pth')
    with pytest.raises(pickle.UnpicklingError, match='weights_only'):
        load_from_http((tmp_path / 'evil.pth').as_uri(), model_dir=str(tmp_path / 'cache'))
    assert not (tmp_path / 'run').exists()
    good = load_from_http((tmp_path / 'good.pth').as_uri(), model_dir=str(tmp_path / 'cache'))
    assert good['state_dict']['a'].tolist() == [1, 1]


def test_lvis_sees_float_and_numpy_stays_as_it_is():
    assert lvis_eval.np.float is float
    assert not hasattr(np, 'float')
    assert lvis_eval.np.array is np.array


def test_repairs_can_be_made_twice():
    compat.apply()
    assert lvis_eval.np.float is float
