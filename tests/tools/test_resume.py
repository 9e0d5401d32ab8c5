"""Trainings by tools/train.py that are killed and resumed, against ones that were left alone (faults 7, 8, 10 and 11)."""

import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from imbdet.cli.resume import is_complete

from ..crashes import BYTES
from ..dataset_equity.write_likelihoods import write_for
from ..forked_python import fork_python
from ..mipa.paired_training import model_config, training_config
from ..mipa.pairs_of_images import paired_dataset, write_pairs
from ..tiny_detectors import tiny_detector

ROOT = Path(__file__).parents[2]
SAMPLER = dict(type='RepeatFactorSampler', method='irfs', threshold=0.9)
BIAS = dict(type='OptimalBiasInitHook', prior='measure', num_batches=2)
GUIDED = dict(type='GuidedLossHook', momentum=0.3)
EQUITY = dict(type='DatasetEquityHook', normalize='dataset')
EMA = dict(type='EMAHook', momentum=0.3)
METHODS = {  # sampler, hooks, and whether MiPa is on
    'irfs': (SAMPLER, [], False),
    'sampling-free': (None, [BIAS, GUIDED], False),
    'equity': (None, [EQUITY], False),
    'mipa': (None, [], True),
    'all': (SAMPLER, [BIAS, GUIDED, EQUITY, EMA], True),
}


def write_config(folder, method):
    """Write data and the config of a training of two epochs; without randomness but that of the method."""
    sampler, hooks, mixed = METHODS[method]
    write_pairs(folder, num_boxes=[3, 1, 2, 0, 4, 1])
    paths = np.array([f'visible/{index}.png' for index in range(6)])
    likelihoods = str(write_for(folder, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], paths=paths))
    model = model_config('retinanet', 8, 1, dict(ir_ratio='learnable')) if mixed else tiny_detector('retinanet')
    config = training_config(folder, model)
    loader = config.train_dataloader
    loader.dataset = paired_dataset(folder, modality='pair' if mixed else 'rgb', filter_cfg=dict(filter_empty_gt=False))
    loader.sampler = sampler or loader.sampler
    config.custom_hooks = [{**hook, 'likelihoods': likelihoods} if hook is EQUITY else hook for hook in hooks]
    config.custom_hooks.append(dict(type='CrashHook'))
    config.custom_imports = dict(imports=['imbdet', 'tests.crashes'], allow_failed_imports=False)
    config.optim_wrapper.optimizer.momentum = 0.9
    config.param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=8)]
    if method == 'all':
        config.optim_wrapper.type = 'Bfloat16OptimWrapper'
        config.pop('randomness')
    config.dump(folder / 'config.py')
    return folder / 'config.py'


def train(config, work_dir, *flags, crash=''):
    """Train in a process of its own; return how it ended and what it printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('CRASH', crash)
        process = fork_python(ROOT / 'tools/train.py', config, '--work-dir', work_dir, *flags, path=[ROOT], cwd=work_dir.parent,
                              timeout=300)
    return process.returncode, process.stdout + process.stderr


def order(work_dir):
    """The images of each iteration, as often as it was done."""
    lines = [line.partition(' ')[::2] for line in (work_dir / 'order.txt').read_text().splitlines()]
    return {iteration: [images for number, images in lines if number == iteration] for iteration, _ in lines}


def assert_same(value, other, where='checkpoint'):
    assert type(value) is type(other), where
    if isinstance(value, dict):
        assert value.keys() == other.keys(), where
        for key in value:
            assert_same(value[key], other[key], f'{where}.{key}')
    elif isinstance(value, list):
        assert len(value) == len(other), where
        for index, pair in enumerate(zip(value, other, strict=True)):
            assert_same(*pair, f'{where}.{index}')
    else:
        assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other, where


@pytest.mark.parametrize('method', [
    pytest.param(name, marks=() if name == 'all' else pytest.mark.slow) for name in METHODS])  # each alone: minutes
def test_killed_and_resumed(method, tmp_path):
    config = write_config(tmp_path, method)
    stopped, whole = tmp_path / 'stopped', tmp_path / 'whole'
    code, output = train(config, stopped, crash='second epoch')
    assert code == -signal.SIGKILL, output
    seed = torch.load(stopped / 'epoch_1.pth', weights_only=True)['meta']['seed']
    prior = stopped / 'foreground_prior.json'
    assert prior.is_file() == (BIAS in METHODS[method][1])
    prior.unlink(missing_ok=True)
    code, output = train(config, stopped, '--resume', crash='checkpoint')
    assert code == -signal.SIGKILL, output
    assert not is_complete(stopped / 'epoch_2.pth')
    assert (stopped / 'epoch_2.pth').stat().st_size == BYTES
    assert Path((stopped / 'last_checkpoint').read_text()).name == 'epoch_1.pth'
    code, output = train(config, stopped, '--resume')
    assert code == 0, output
    assert ('resuming with the seed' in output) == (method == 'all')  # whose config has none
    assert not prior.exists()  # not measured again

    code, output = train(config, whole, '--cfg-options', f'randomness.seed={seed}')
    assert code == 0, output
    expected = order(whole)
    again = order(stopped)
    assert len(expected) >= 6
    assert again == {iteration: images * len(again[iteration]) for iteration, images in expected.items()}
    assert max(map(len, again.values())) == 3
    checkpoints = [torch.load(folder / 'epoch_2.pth', weights_only=True) for folder in (whole, stopped)]
    for checkpoint in checkpoints:
        del checkpoint['message_hub'], checkpoint['meta']  # times and paths
    assert set(checkpoints[0]) == {
        'state_dict', 'optimizer', 'param_schedulers', *(['guided_loss'] if GUIDED in METHODS[method][1] else []),
        *(['ema_state_dict'] if EMA in METHODS[method][1] else [])}
    assert_same(*checkpoints)


def test_a_checkpoint_that_is_not_whole(tmp_path):
    """One line, and nothing written."""
    config = write_config(tmp_path, 'equity')
    work_dir = tmp_path / 'work'
    work_dir.mkdir()
    for epoch in (1, 2):
        torch.save({'meta': dict(epoch=epoch, iter=3 * epoch), 'state_dict': {}}, work_dir / f'epoch_{epoch}.pth')
    broken = work_dir / 'epoch_2.pth'
    broken.write_bytes(broken.read_bytes()[:-30])
    (work_dir / 'last_checkpoint').write_text(str(broken))
    before = {path: path.read_bytes() for path in work_dir.iterdir()}
    code, output = train(config, work_dir, '--resume')
    assert code == 2
    assert output.splitlines()[-1] == (
        f'imbdet: error: ValueError: {broken} is not a complete checkpoint; it was truncated while it was written or copied. '
        f'To use the newest complete checkpoint in the folder: --resume {work_dir / "epoch_1.pth"} '
        '(--verbose shows the traceback)')
    assert {path: path.read_bytes() for path in work_dir.iterdir()} == before
