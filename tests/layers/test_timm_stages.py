"""What is frozen is what leads to the features of the frozen stages, which autograd tells."""

import copy

import pytest
import torch
from torch import nn

from imbdet.layers import TimmBackbone
from imbdet.layers.timm_stages import stage_modules

SIZE = 64
SWIN = 'swin_tiny_patch4_window7_224'
OPTIONS = {SWIN: {'img_size': SIZE, 'depths': (1, 1, 2, 1), 'embed_dim': 24, 'num_heads': (1, 2, 4, 8)}}
# With the number of its features that belong to the stem.
NETWORKS = {'resnet18': 1, 'mobilenetv2_100': 1, 'tf_efficientnet_lite0': 1, 'convnext_atto': 0, SWIN: 0, 'hgnetv2_b0': 0,
            'mobilenetv3_large_100': 1, 'regnetx_002': 1, 'cspdarknet53': 2, 'densenet121': 1}


def build(name, **keys):
    torch.manual_seed(0)
    return TimmBackbone(name, 'none', **OPTIONS.get(name, {}), **keys)


def images(seed=2):
    return torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))


def outputs(backbone):
    with torch.no_grad():
        return [feature.clone() for feature in copy.deepcopy(backbone).eval()(images())]


def unchanged(before, after):
    return [torch.equal(first, second) for first, second in zip(before, after, strict=True)]


def train(backbone, steps=2):
    backbone.train()
    optimizer = torch.optim.SGD(backbone.parameters(), lr=0.1, weight_decay=0.1)
    for seed in range(steps):
        sum(feature.square().mean() for feature in backbone(images(seed))).backward()
        optimizer.step()
        gradients = {name for name, parameter in backbone.named_parameters() if parameter.grad is not None}
        optimizer.zero_grad()
    return gradients


@pytest.mark.parametrize(('name', 'stem'), NETWORKS.items())
def test_frozen_is_what_leads_to_the_features_of_the_stages(name, stem):
    free = build(name).eval()
    features = free(images())
    for index in range(max(stem - 1, 0), len(features)):
        gradients = torch.autograd.grad(features[index].sum(), list(free.parameters()), allow_unused=True, retain_graph=True)
        leading = {key for (key, _), gradient in zip(free.named_parameters(), gradients, strict=True) if gradient is not None}
        modules = dict(free.network.named_modules())
        assert leading == {f'network.{module}.{key}' for module in stage_modules(free.network, index + 1 - stem, name)
                           for key, _ in modules[module].named_parameters(recurse=False)}


@pytest.mark.parametrize(('name', 'parts'), [
    ('convnext_atto', 'stem_'), (SWIN, 'patch_embed.'), ('hgnetv2_b0', 'stem.'), ('vit_tiny_patch16_224', 'model.')])
def test_stem_of_which_timm_gives_no_feature(name, parts):
    backbone = build(name, frozen_stages=0)
    frozen = {key for key, parameter in backbone.network.named_parameters() if not parameter.requires_grad}
    assert frozen == {key for key, _ in backbone.network.named_parameters() if key.startswith(parts) and '.blocks.' not in key}
    assert frozen


@pytest.mark.parametrize('name', ['resnet18', 'tf_efficientnet_lite0', 'hgnetv2_b0', SWIN])
@pytest.mark.parametrize('stages', [-1, 0, 2])
def test_training_changes_what_is_not_frozen(name, stages):
    """Features of frozen stages stay what they are, with running statistics; all parameters that are free are trained."""
    backbone = build(name, frozen_stages=stages)
    before = outputs(backbone)
    gradients = train(backbone)
    frozen = max(stages + NETWORKS[name], 0)
    assert unchanged(before, outputs(backbone)) == [True] * frozen + [False] * (len(before) - frozen)
    assert gradients == {name for name, parameter in backbone.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize('stages', [0, 3])
def test_only_what_is_not_frozen_matters_to_the_later_features(stages):
    backbone = build('mobilenetv2_100', frozen_stages=stages)
    before = outputs(backbone)
    for parameter in backbone.parameters():
        if parameter.requires_grad:
            nn.init.uniform_(parameter, 0.1, 0.5)
    assert unchanged(before, outputs(backbone)) == [True] * (stages + 1) + [False] * (4 - stages)


@pytest.mark.parametrize('norm_eval', [False, True])
def test_norm_eval(norm_eval):
    backbone = build('mobilenetv3_large_100', norm_eval=norm_eval)
    before = {name: value.clone() for name, value in backbone.named_buffers()}
    train(backbone)
    assert all(torch.equal(value, before[name]) is norm_eval for name, value in backbone.named_buffers())
    assert all(parameter.requires_grad for parameter in backbone.parameters())
    assert backbone.training


def test_nothing_to_norm_eval_where_there_are_no_batch_norms():
    backbone = build('convnext_atto', norm_eval=True).train()
    assert all(module.training for module in backbone.modules())


@pytest.mark.parametrize('change', [
    copy.deepcopy, lambda backbone: backbone.eval().train(), nn.SyncBatchNorm.convert_sync_batchnorm])
def test_frozen_stays_frozen(change):
    """In a copy, as for averaged weights, after a validation, and with synchronized batch norms."""
    backbone = change(build('resnet18', frozen_stages=1)).train()
    training = {name for name, module in backbone.network.named_modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)
                and module.training}
    assert training
    assert all(name.startswith(('layer2', 'layer3', 'layer4')) for name in training)
    assert not backbone.network.conv1.weight.requires_grad


def test_synchronized_batch_norms_may_not_drop_activations():
    backbone = nn.SyncBatchNorm.convert_sync_batchnorm(build('mobilenetv2_100'))
    with pytest.raises(ValueError, match='bn1 of mobilenetv2_100 .* without sync_bn'):
        backbone.train()


def test_drop_path_of_frozen_stages_is_off():
    backbone = build('convnext_atto', frozen_stages=2, drop_path_rate=0.9).train()
    first, second = backbone(images()), backbone(images())
    assert unchanged(first, second) == [True, True, False, False]
