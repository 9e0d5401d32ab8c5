"""TimmBackbone gives the features of timm's own model, in any detector."""

import ast
import copy
import sys
from pathlib import Path

import pytest
import timm
import torch
from mmdet.registry import MODELS
from torch import nn

import imbdet.layers
from imbdet.heads import find_heads
from imbdet.layers import TimmBackbone
from tests.tiny_detectors import tiny_detector
from tests.tiny_training import make_runner, write_training_set

SIZE = 64
SWIN = {'img_size': SIZE, 'depths': (1, 1, 2, 1), 'embed_dim': 24, 'num_heads': (1, 2, 4, 8)}
NETWORKS = {'resnet18': {}, 'resnet50': {'layers': (1, 1, 1, 1)}, 'mobilenetv2_100': {}, 'tf_efficientnet_lite0': {},
            'convnext_atto': {}, 'swin_tiny_patch4_window7_224': SWIN, 'hgnetv2_b0': {}, 'mobilenetv3_large_100': {},
            'vit_tiny_patch16_224': {'img_size': SIZE, 'depth': 4}}


def whole_model(name, options):
    """timm's model with its classifier, whose batch norms have statistics of their own."""
    torch.manual_seed(1)
    model = timm.create_model(name, **options)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model.eval()


def features_of(model, images):
    """What the modules give that timm calls features, channels first, by hooks."""
    outputs, modules = [], dict(model.named_modules())
    hooks = [modules[info['module']].register_forward_hook(lambda *arguments: outputs.append(arguments[-1].clone()))
             for info in model.feature_info]
    model(images)
    for hook in hooks:
        hook.remove()
    if model.feature_info[0]['module'].startswith('layers'):  # Swin has channels last
        return [output.permute(0, 3, 1, 2) for output in outputs]
    if model.feature_info[0]['module'] == 'blocks.0' and outputs[0].dim() == 3:  # ViT has tokens, that of the class first
        side = SIZE // 16
        return [output[:, 1:].transpose(1, 2).unflatten(2, (side, side)) for output in outputs]
    return outputs


@pytest.mark.parametrize(('name', 'options'), NETWORKS.items(), ids=list(NETWORKS))
def test_features_are_those_of_the_whole_model(tmp_path, name, options):
    """With its weights from a file."""
    model = whole_model(name, options)
    torch.save(model.state_dict(), tmp_path / 'weights.pth')
    backbone = TimmBackbone(name, str(tmp_path / 'weights.pth'), **options)
    backbone.init_weights()
    images = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        features, expected = backbone.eval()(images), features_of(model, images)
    assert isinstance(features, tuple)
    assert len(features) == (3 if 'vit' in name else len(expected))
    for feature, reference, channels, stride in zip(reversed(features), reversed(expected), reversed(backbone.out_channels),
                                                    reversed(backbone.strides), strict=False):
        assert feature.shape == (2, channels, SIZE // stride, SIZE // stride)
        torch.testing.assert_close(feature, reference)


def test_chosen_features():
    torch.manual_seed(0)
    every = TimmBackbone('mobilenetv3_small_050', 'none').eval()
    for chosen in ((1, 3), (-2, -1), [4]):
        torch.manual_seed(0)
        some = TimmBackbone('mobilenetv3_small_050', 'none', out_indices=chosen).eval()
        images = torch.randn(1, 3, SIZE, SIZE)
        assert some.out_channels == [every.out_channels[index] for index in chosen]
        assert some.strides == [every.strides[index] for index in chosen]
        with torch.no_grad():
            for mine, index in zip(some(images), chosen, strict=True):
                assert torch.equal(mine, every(images)[index])


def test_log_names_channels_and_strides(mmengine_log):
    log = mmengine_log()
    TimmBackbone('resnet18', 'none', out_indices=(2, 3, 4))
    assert '[128, 256, 512] channels' in log.text
    assert '[8, 16, 32]' in log.text


@pytest.mark.parametrize(('arguments', 'message'), [
    ({'model_name': 'resnet19'}, "no model 'resnet19'"),
    ({'model_name': 'resnet18.nobody'}, 'nobody'),
    ({'model_name': 'timm/resnet18'}, 'no model'),
    ({'model_name': 'resnet18', 'out_indices': (3, 7)}, r"no features of resnet18 .*\(3, 7\)"),
    ({'model_name': 'resnet18', 'out_indices': (3, 1)}, r'must ascend, got \(3, 1\)'),
    ({'model_name': 'resnet18', 'out_indices': (1, 1)}, r'must ascend, got \(1, 1\)'),
    ({'model_name': 'resnet18', 'depth': 50, 'style': 'pytorch'}, "'depth'.*_delete_=True"),
    ({'model_name': 'resnet18', 'pretrained': True}, "'pretrained'"),
    ({'model_name': 'resnet18', 'frozen_stages': 5}, r'frozen_stages of resnet18 must be in \[-1, 4\], got 5'),
    ({'model_name': 'resnet18', 'frozen_stages': -2}, r'must be in \[-1, 4\], got -2'),
    ({'model_name': 'resnet18', 'out_indices': (0, 1), 'frozen_stages': 3}, 'layer3')])
def test_what_timm_has_not(arguments, message):
    with pytest.raises(ValueError, match=message):
        TimmBackbone(**arguments)


def test_without_timm(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(ImportError, match=r"pip install 'imbdet\[timm\]'"):
        TimmBackbone('resnet18')


def test_registering_does_not_import_timm():
    """Modules of the room import it in functions only."""
    for path in Path(imbdet.layers.__file__).parent.glob('*.py'):
        for node in ast.parse(path.read_text()).body:
            imported = node.names[0].name if isinstance(node, ast.Import) else getattr(node, 'module', '')
            assert str(imported).split('.')[0] != 'timm', path
    assert MODELS.get('TimmBackbone') is TimmBackbone


def test_in_a_detector(tmp_path):
    """Trained with Sampling-Free, saved and loaded, and with autocast; the frozen part is as in the file of weights."""
    weights = timm.create_model('mobilenetv3_small_050').state_dict()
    torch.save(weights, tmp_path / 'weights.pth')
    config = tiny_detector(
        'retinanet', neck=dict(in_channels=[16, 24, 288], start_level=0),
        backbone=dict(_delete_=True, type='TimmBackbone', model_name='mobilenetv3_small_050', out_indices=(2, 3, 4),
                      frozen_stages=1, weights=str(tmp_path / 'weights.pth')),
        bbox_head=dict(loss_cls=dict(_delete_=True, type='CrossEntropyLoss', use_sigmoid=True)))
    write_training_set(tmp_path)
    runner = make_runner(tmp_path, copy.deepcopy(config),
                         [dict(type='OptimalBiasInitHook', prior=0.01), dict(type='GuidedLossHook')])
    runner.train()
    trained = runner.model
    assert list(find_heads(trained)) == ['bbox_head']
    changed = {name for name, value in trained.backbone.network.state_dict().items() if not torch.equal(value, weights[name])}
    assert not any(name.startswith(('conv_stem', 'bn1', 'blocks.0')) for name in changed)
    assert {'blocks.2.0.conv_pw.weight', 'blocks.5.0.bn1.running_mean'} <= changed
    loaded = MODELS.build(config)
    state = torch.load(tmp_path / 'work/iter_2.pth', weights_only=False)['state_dict']
    loaded.load_state_dict(state)
    with torch.autocast('cpu', torch.bfloat16):
        batch = loaded.train().data_preprocessor(next(iter(runner.train_dataloader)), True)
        losses = loaded(**batch, mode='loss')
    sum(losses['loss_cls'] + losses['loss_bbox']).backward()
    assert loaded.backbone.network.blocks[5][0].conv.weight.grad.isfinite().all()
    assert loaded.backbone.network.conv_stem.weight.grad is None
    loaded.load_state_dict(state)  # the running statistics of before
    images = torch.randn(1, 3, 96, 128)
    with torch.no_grad():
        for mine, theirs in zip(loaded.eval().backbone(images), trained.eval().backbone(images), strict=True):
            assert torch.equal(mine, theirs)
