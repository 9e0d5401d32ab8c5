"""Gradients in float64 against finite differences, and logits and batches at the edge of what numbers hold (fault 21)."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import gradcheck

from imbdet.dataset_equity import DatasetEquityHook, weight_gradient
from imbdet.mipa import mix_patches
from imbdet.mipa.ir_ratio import LearnableRatio, pass_gradient_to_ratio
from imbdet.mipa.modality_head import reverse_gradient
from imbdet.sampling_free import GuidedLossHook

from .dataset_equity.write_likelihoods import write_for
from .tiny_detectors import tiny_detector
from .tiny_training import make_runner, write_training_set

SHAPE = (2, 1, 5, 6)


def double(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def finite_differences(function, values, step=1e-6):
    """The gradient of a function that returns a number."""
    gradient = torch.empty_like(values)
    for index in np.ndindex(*values.shape):
        moved = [values.detach().clone() for _ in range(2)]
        moved[0][index] += step
        moved[1][index] -= step
        gradient[index] = (function(moved[0]) - function(moved[1])) / (2 * step)
    return gradient


def test_patch_mixing():
    def mix(rgb, ir):
        return mix_patches(rgb, ir, 0.4, 2, torch.Generator().manual_seed(3))[0]

    assert gradcheck(mix, (double(*SHAPE), double(*SHAPE, seed=1)))


def test_patch_mixing_with_a_learnt_share():
    """To the images the gradient is that of the mix; the share's own is tested in mipa/test_ir_ratio.py."""
    ratio = torch.tensor(0.4, dtype=torch.float64)

    def mix(rgb, ir):
        mixed = mix_patches(rgb, ir, 0.4, 2, torch.Generator().manual_seed(3))[0]
        with_ratio = pass_gradient_to_ratio(mixed, rgb, ir, ratio)
        assert torch.equal(with_ratio, mixed)
        return with_ratio

    assert gradcheck(mix, (double(*SHAPE), double(*SHAPE, seed=1)))


def test_learnt_share():
    ratio = LearnableRatio().double()
    draw = torch.Generator()

    def share(mean, spread):
        return torch.func.functional_call(ratio, {'mean': mean, 'spread': spread}, (draw.manual_seed(5), ))

    assert gradcheck(share, (torch.tensor(0.3, dtype=torch.float64, requires_grad=True),
                             torch.tensor(0.5, dtype=torch.float64, requires_grad=True)))


def losses_of_images(values):
    """A loss for each image, of all its predictions."""
    return (values**2 * values.sigmoid()).flatten(1).mean(1)


@pytest.mark.parametrize('weights', [(0.5, 0.75), (0.0, 1.0), (0.0, 0.0)])
def test_equity_weights(weights):
    """The gradient is that of the weighted sum, and the value that of the plain one."""
    values, factors = double(*SHAPE), torch.tensor(weights, dtype=torch.float64)
    plain = losses_of_images(weight_gradient(values, factors)).sum()
    assert plain == losses_of_images(values).sum()
    expected = finite_differences(lambda moved: (factors * losses_of_images(moved)).sum(), values)
    torch.testing.assert_close(torch.autograd.grad(plain, values)[0], expected, rtol=1e-7, atol=1e-9)


def test_equity_weights_that_are_not_numbers_do_not_go_unseen():
    values = double(2, 3)
    gradient, = torch.autograd.grad(weight_gradient(values, torch.tensor([float('nan'), 1.0])).sum(), values)
    assert gradient.isnan().all(dim=1).tolist() == [True, False]
    with pytest.raises(RuntimeError, match='size'):
        torch.autograd.grad(weight_gradient(values, torch.ones(3)).sum(), values)


@pytest.mark.parametrize('strength', [0.0, 0.3, 1.0])
def test_gradient_reversal(strength):
    values = double(*SHAPE)
    gradient, = torch.autograd.grad(losses_of_images(reverse_gradient(values, strength)).sum(), values)
    expected = -strength * finite_differences(lambda moved: losses_of_images(moved).sum(), values)
    torch.testing.assert_close(gradient, expected, rtol=1e-7, atol=1e-9)


class TwoLosses(nn.Module):
    """A detector of two losses and no parameters."""

    def forward(self, values, mode):
        return dict(loss_cls=losses_of_images(values).abs().sum(), loss_bbox=(values**2).mean())


def test_guided_loss():
    """A frozen weight is a constant, so that autograd and finite differences agree; one of each iteration is not."""
    detector, values = TwoLosses(), double(*SHAPE)
    for freeze_after in (1, None):
        hook = GuidedLossHook(freeze_after=freeze_after)
        runner = SimpleNamespace(iter=0, model=detector, hooks=[])
        hook.before_train(runner)
        detector(values, mode='loss')

        def total(moved):
            losses = detector(moved, mode='loss')
            return losses['loss_cls'] + losses['loss_bbox']

        if freeze_after:
            assert gradcheck(total, (values, ))
        else:  # the value is twice the regression loss, the gradient is not twice its gradient
            assert not gradcheck(total, (values, ), raise_exception=False)
        hook.after_train(runner)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Two images with boxes, and two without."""
    path = tmp_path_factory.mktemp('extreme')
    write_training_set(path, num_images=4, num_boxes=(3, 3, 0, 0))
    write_for(path, [0.0, 1.0, 0.5, 0.5], paths=np.array([f'images/{index}.png' for index in range(4)]))
    return path


@pytest.mark.parametrize(('dtype', 'loss'), [(torch.float16, 'CrossEntropyLoss'), (torch.bfloat16, 'FocalLoss')])
def test_extreme_logits(folder, dtype, loss):
    """Logits of 10,000 in half precision, with positives and in a batch of background, with both hooks on losses."""
    loss_cls = dict(_delete_=True, type=loss, use_sigmoid=True)
    runner = make_runner(folder, tiny_detector('retinanet', bbox_head=dict(loss_cls=loss_cls)))
    runner.train_dataloader.sampler.shuffle = False
    runner.model.init_weights()
    for hook in (DatasetEquityHook(folder / 'equity.npz', apply_to='all'), GuidedLossHook()):
        hook.before_train(runner)
    for batch in runner.train_dataloader:
        batch = runner.model.data_preprocessor(batch, True)
        num_boxes = sum(len(sample.gt_instances) for sample in batch['data_samples'])
        for logit in (1e4, -1e4):
            nn.init.constant_(runner.model.bbox_head.retina_cls.bias, logit)
            with torch.autocast('cpu', dtype):
                total, log = runner.model.parse_losses(runner.model(**batch, mode='loss'))
            assert {key: value.item() for key, value in log.items() if not torch.isfinite(value)} == {}
            assert (log['guided_weight_cls'] > 0) == (num_boxes > 0)
            runner.model.zero_grad()
            total.backward()
            assert all(parameter.grad.isfinite().all() for parameter in runner.model.parameters()
                       if parameter.grad is not None)
