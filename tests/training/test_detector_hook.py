"""Hooks that attach to a detector let go of it, however the run ends, and keep their state apart."""

import pytest
import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook

from imbdet.training import DetectorHook

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, write_training_set


@HOOKS.register_module(force=True)
class CountingHook(DetectorHook):
    """Counts calls of the detector, under a name."""

    state_key = 'counts'

    def __init__(self, name='a', fails=False):
        super().__init__()
        self.name, self.fails, self.count = name, fails, 0

    def attach(self, runner, detector):
        self.count = int(self._loaded.get(self.name, 0))
        yield detector.register_forward_hook(self._add)
        if self.fails:
            raise ValueError('cannot attach')

    def state(self):
        return {self.name: torch.tensor(self.count)}

    def _add(self, *_):
        self.count += 1


@HOOKS.register_module(force=True)
class RaisingHook(Hook):
    def after_train_iter(self, *_, **__):
        raise KeyboardInterrupt


@pytest.fixture
def runner(tmp_path):
    write_training_set(tmp_path, num_images=4)

    def make(*hooks, **keys):
        return make_runner(tmp_path, tiny_detector('retinanet'), list(hooks), **keys)

    return make


def hooks_of(detector):
    return [handle for module in detector.modules()
            for handle in (*module._forward_hooks.values(), *module._forward_pre_hooks.values())]


def counting(runner):
    return [hook for hook in runner.hooks if isinstance(hook, CountingHook)]


def test_it_lets_go_after_training(runner):
    found = runner(dict(type='CountingHook'))
    found.train()
    assert counting(found)[0].count == 2
    assert not hooks_of(found.model)


@pytest.mark.parametrize('hooks', [
    [dict(type='CountingHook'), dict(type='RaisingHook')], [dict(type='CountingHook'), dict(type='CountingHook', fails=True)]])
def test_it_lets_go_after_an_exception(runner, hooks):
    """Also one while another hook of the training attached, and an interrupt by the user."""
    found = runner(*hooks)
    with pytest.raises((KeyboardInterrupt, ValueError)):
        found.train()
    assert not hooks_of(found.model)


def test_attaching_twice_is_attaching_once(runner):
    found = runner(dict(type='CountingHook'))
    hook = counting(found)[0]
    for _ in range(2):
        hook.before_train(found)
    assert len(hooks_of(found.model)) == 1
    for _ in range(2):
        hook.after_train(found)
    assert not hooks_of(found.model)


def test_states_of_two_hooks_of_a_kind(runner, tmp_path):
    runner(dict(type='CountingHook', name='a'), dict(type='CountingHook', name='b')).train()
    path = tmp_path / 'work/iter_1.pth'
    assert torch.load(path, weights_only=True)['counts'] == {'a': torch.tensor(1), 'b': torch.tensor(1)}
    resumed = runner(dict(type='CountingHook', name='a'), dict(type='CountingHook', name='b'), load_from=str(path), resume=True)
    resumed.train()
    assert [hook.count for hook in counting(resumed)] == [2, 2]
    loaded = runner(dict(type='CountingHook', name='a'), load_from=str(path))
    loaded.train()
    assert counting(loaded)[0].count == 2  # of this training alone


def test_two_hooks_of_one_name(runner):
    with pytest.raises(ValueError, match='two hooks CountingHook keep state of a; remove one of them'):
        runner(dict(type='CountingHook'), dict(type='CountingHook')).train()
