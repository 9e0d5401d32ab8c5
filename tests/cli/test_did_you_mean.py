"""Typos in configs: the error of mmengine, and the name that was meant."""

import pytest
import torch
from mmdet.registry import DATA_SAMPLERS, DATASETS, HOOKS, METRICS, MODELS, TRANSFORMS
from mmengine.registry import OPTIMIZERS
from torch.utils.data import DataLoader

from imbdet.cli.did_you_mean import error_hint, error_text
from imbdet.cli.errors import RUN_ERROR, one_line_errors


def one_line(capsys, attempt):
    with pytest.raises(SystemExit) as ended, one_line_errors(verbose=False, code=RUN_ERROR):
        attempt()
    assert ended.value.code == RUN_ERROR
    return capsys.readouterr().err


@pytest.mark.parametrize(('registry', 'typo', 'meant'), [
    (DATA_SAMPLERS, dict(type='RepeatFactorSampler', dataset=(), treshold=1e-3), 'threshold'),
    (HOOKS, dict(type='GuidedLossHook', momentun=0.1), 'momentum'),
    (HOOKS, dict(type='OptimalBiasInitHook', num_batch=3), 'num_batches'),
    (HOOKS, dict(type='DatasetEquityHook', likelihood='equity.npz'), 'likelihoods'),
    (METRICS, dict(type='LongTailMetric', an_file='val.json'), 'ann_file'),
    (TRANSFORMS, dict(type='OnModality', modalty='ir', transforms=[]), 'modality'),
    # Handed on to a base, whose name is the one in mmengine's error.
    (DATASETS, dict(type='PairedCocoDataset', ir_sufix='_ir.png'), 'ir_suffix'),
    (DATASETS, dict(type='PairedCocoDataset', metainf={}), 'metainfo'),
    (MODELS, dict(type='MiPaDataPreprocessor', patch_siz=4), 'patch_size'),
    (MODELS, dict(type='MiPaDataPreprocessor', patch_size=4, pad_size_divisr=32), 'pad_size_divisor'),
    (OPTIMIZERS, dict(type='SGD', params=[torch.nn.Parameter(torch.ones(1))], lr=0.1, momentm=0.9), 'momentum'),
])
def test_argument(capsys, registry, typo, meant):
    line = one_line(capsys, lambda: registry.build(typo))
    assert "got an unexpected keyword argument '" in line
    assert f'did you mean {meant!r}?' in line
    assert line.count('\n') == 1


@pytest.mark.parametrize(('registry', 'typo', 'meant'), [
    (DATA_SAMPLERS, 'RepeatFactorSampeler', 'RepeatFactorSampler'),
    (HOOKS, 'GuidedLosHook', 'GuidedLossHook'),
    (HOOKS, 'CheckpointHok', 'CheckpointHook'),  # mmengine's
    (DATASETS, 'PairedCocoDatset', 'PairedCocoDataset'),
    (TRANSFORMS, 'LoadImagePairs', 'LoadImagePair'),
    (MODELS, 'MiPaDataPreproccessor', 'MiPaDataPreprocessor'),
    (METRICS, 'LongtailMetric', 'LongTailMetric'),
])
def test_name(capsys, registry, typo, meant):
    line = one_line(capsys, lambda: registry.build(dict(type=typo)))
    assert f'{typo} is not in the mmdet::' in line
    assert f'did you mean {meant!r}?' in line


@pytest.mark.parametrize(('registry', 'config'), [
    (HOOKS, dict(type='GuidedLossHook', zzz=1)), (HOOKS, dict(type='Zzz')), (HOOKS, dict(type='GuidedLossHook', scale=0))])
def test_nothing_near(capsys, registry, config):
    assert 'did you mean' not in one_line(capsys, lambda: registry.build(config))


class Broken:
    """A data set whose items raise."""

    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise self.error


def test_errors_of_worker_processes_are_told_without_their_traceback():
    with pytest.raises(OSError, match='Original Traceback') as raised:
        next(iter(DataLoader(Broken(OSError('3.jpg is\nbroken')), num_workers=1)))
    assert error_text(raised.value) == '3.jpg is broken'
    with pytest.raises(TypeError) as raised:
        next(iter(DataLoader(Broken(TypeError("OnModality.__init__() got an unexpected keyword argument 'modalty'")),
                             num_workers=1)))
    assert error_hint(raised.value) == "; did you mean 'modality'?"
