"""The bench's backbone gives what mmdet's gives, from files."""

import pytest
import torch
from mmdet.models import MobileNetV2

from benchmarks.cached_mobilenet_v2 import CachedMobileNetV2


def backbones(folder, **settings):
    torch.manual_seed(0)
    settings = dict(out_indices=(2, 4, 6), norm_eval=True, **settings)
    ours, theirs = CachedMobileNetV2(cache=str(folder), **settings), MobileNetV2(**settings)
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    ours.load_state_dict(theirs.state_dict())
    for model in (ours, theirs):
        model.train()
    return ours, theirs


@pytest.mark.parametrize('frozen_stages', [1, 3, 5, 6, 7])
def test_outputs_and_gradients_are_those_of_each_image(tmp_path, frozen_stages):
    """Frozen maps bit by bit as of the images one by one, and all as close to those of the batch as rounding allows."""
    ours, theirs = backbones(tmp_path, frozen_stages=frozen_stages)
    images = torch.randn(3, 3, 64, 96)
    for _ in range(2):  # computed, then read
        for level, (mine, whole) in enumerate(zip(ours(images), theirs(images), strict=True)):
            torch.testing.assert_close(mine, whole, atol=1e-5, rtol=1e-5)
            if (2, 4, 6)[level] < frozen_stages:
                alone = torch.cat([theirs(image[None])[level] for image in images])
                assert torch.equal(mine, alone)
    for model in (ours, theirs):
        if trained := [output.square().mean() for output in model(images) if output.requires_grad]:
            torch.stack(trained).sum().backward()
    for (name, mine), whole in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert (mine.grad is None) == (whole.grad is None), name
        if mine.grad is not None:
            torch.testing.assert_close(mine.grad, whole.grad, atol=1e-5, rtol=1e-3)


def test_frozen_stages_do_not_run_again(tmp_path):
    ours, _ = backbones(tmp_path, frozen_stages=3)
    runs = []
    ours.conv1.register_forward_hook(lambda *_: runs.append(1))
    images = torch.randn(2, 3, 32, 32)
    ours(images)
    ours.eval()
    ours(images.flip(0))
    assert len(runs) == 2  # once per image
    ours(images + 1)
    assert len(runs) == 4


def test_other_weights_have_other_files(tmp_path):
    ours, theirs = backbones(tmp_path, frozen_stages=3)
    images = torch.randn(1, 3, 32, 32)
    before = ours(images)
    for model in (ours, theirs):
        model.layer3[0].depthwise_conv.bn.running_mean.add_(1)
    after = ours(images)
    assert not torch.equal(before[0], after[0])
    torch.testing.assert_close(after, theirs(images))


@pytest.mark.parametrize('settings', [dict(frozen_stages=0), dict(frozen_stages=2, norm_eval=False)])
def test_changing_outputs_are_refused(tmp_path, settings):
    with pytest.raises(ValueError, match='needs frozen_stages of at least 1 and norm_eval=True'):
        CachedMobileNetV2(cache=str(tmp_path), **settings)
