"""A training whose loss is no number ends, and says when and which (fault 20)."""

import math

import pytest
import torch
from mmengine.hooks import Hook

from imbdet.training_checks import FiniteLossHook

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, write_training_set


class Spoil(Hook):
    """Makes a loss a given value in one iteration, as a detector's own loss might."""

    def __init__(self, name, value, iteration):
        self.name, self.value, self.iteration = name, value, iteration

    def before_train(self, runner):
        def spoil(detector, inputs, keywords, losses):
            if keywords.get('mode') == 'loss' and runner.iter == self.iteration:
                losses = {**losses, self.name: [loss + self.value for loss in losses[self.name]]}
                self.images = [sample.img_path for sample in keywords['data_samples']]
            return losses

        runner.model.register_forward_hook(spoil, with_kwargs=True)


@pytest.mark.parametrize(('name', 'value'), [('loss_cls', math.nan), ('loss_bbox', math.inf)])
def test_iteration_losses_and_images_are_named(tmp_path, name, value):
    write_training_set(tmp_path)
    spoil = Spoil(name, value, iteration=1)
    runner = make_runner(tmp_path, tiny_detector('retinanet'), [dict(type='FiniteLossHook')], max_iters=4)
    runner.register_hook(spoil)
    with pytest.raises(FloatingPointError) as error:
        runner.train()
    message = str(error.value)
    assert message.startswith(f'the loss of iteration 2 is {value} (')
    assert f'{name} {value}' in message
    other = {'loss_cls': 'loss_bbox', 'loss_bbox': 'loss_cls'}[name]
    assert f'{other} {value}' not in message
    assert f'{other} ' in message
    assert len(spoil.images) == 2
    assert all(path in message for path in spoil.images)
    # The checkpoint of the iteration before is there, and none of the spoilt weights.
    assert [path.name for path in (tmp_path / 'work').glob('*.pth')] == ['iter_1.pth']
    state = torch.load(tmp_path / 'work/iter_1.pth')['state_dict']
    assert all(value.isfinite().all() for value in state.values())


@pytest.mark.parametrize('outputs', [None, {}, {'loss': torch.tensor(3.0), 'acc': torch.tensor(math.nan)}, {'acc': math.nan}])
def test_what_is_no_loss_may_be_anything(outputs):
    """An accuracy of no box is NaN, and some detectors return no losses at all."""
    assert FiniteLossHook().after_train_iter(None, 0, None, outputs) is None


def test_batches_that_do_not_tell_their_images(tmp_path):
    class Runner:
        iter = 6

    with pytest.raises(FloatingPointError, match='iteration 7 is nan .*images: unknown'):
        FiniteLossHook().after_train_iter(Runner, 0, None, {'loss': torch.tensor(math.nan)})
