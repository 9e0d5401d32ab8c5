"""Weights by name and by file; a file that does not fit, and one that carries code, are errors."""

import socket

import pytest
import safetensors.torch
import timm
import torch

from imbdet.layers import TimmBackbone


@pytest.fixture
def no_network(monkeypatch):
    """Connections fail, and are counted."""
    tried = []

    def refuse(*arguments):
        tried.append(arguments)
        raise OSError('no network here')

    monkeypatch.setattr(socket.socket, 'connect', refuse)
    monkeypatch.setattr(socket, 'getaddrinfo', refuse)
    monkeypatch.setenv('HF_HOME', '/nonexistent')
    return tried


NARROW = {'channels': (8, 16, 24, 32)}  # of a ResNet, which is built faster


def state_of(name='resnet18', **options):
    torch.manual_seed(3)
    return timm.create_model(name, **(NARROW if 'resnet' in name else {}), **options).state_dict()


def loaded(file, name='resnet18', **options):
    backbone = TimmBackbone(name, str(file), **(NARROW if 'resnet' in name else {}), **options)
    backbone.init_weights()
    return backbone.network.state_dict()


def save(state, path):
    (safetensors.torch.save_file if path.suffix == '.safetensors' else torch.save)(state, path)
    return path


SWIN = {'depths': (1, 1, 1, 1), 'embed_dim': 24, 'num_heads': (1, 2, 4, 8)}
WRAPPINGS = {
    'plain.pth': lambda state: state,
    'plain.safetensors': lambda state: state,
    'ddp.pth': lambda state: {f'module.{name}': value for name, value in state.items()},
    'training.pth.tar': lambda state: {'epoch': 3, 'arch': 'resnet18', 'state_dict': state},
    'model.pth': lambda state: {'model': {f'module.{name}': value for name, value in state.items()}},
    'averaged.pth': lambda state: {'state_dict': {name: value + 1 for name, value in state.items()}, 'state_dict_ema': state},
    'compiled.pth': lambda state: {f'_orig_mod.{name}': value for name, value in state.items()},
    'half.pth': lambda state: {name: value.half() if value.is_floating_point() else value for name, value in state.items()},
    'headless.pth': lambda state: {name: value for name, value in state.items() if not name.startswith('fc.')},
    'classes.pth': lambda state: {**state, 'fc.weight': torch.zeros(7, 32), 'fc.bias': torch.zeros(7)},
    'old.pth': lambda state: {name: value for name, value in state.items() if 'num_batches' not in name},
}


@pytest.mark.parametrize(('name', 'wrap'), WRAPPINGS.items())
def test_files_that_fit(tmp_path, name, wrap, no_network):
    state = state_of()
    network = loaded(save(wrap(state), tmp_path / name))
    for key, value in network.items():
        expected = state[key].half().float() if name == 'half.pth' and state[key].is_floating_point() else state[key]
        assert torch.equal(value, expected), key
    assert not no_network


def test_classifier_is_left_out_and_said(tmp_path, mmengine_log):
    log = mmengine_log()
    file = save(state_of('mobilenetv3_small_050'), tmp_path / 'weights.pth')
    loaded(file, 'mobilenetv3_small_050', out_indices=(1, 2))
    assert f"loaded {file} without the classifier, ['classifier.weight', 'classifier.bias']" in log.text


@pytest.mark.parametrize(('of', 'into', 'message'), [
    ('resnet34', 'resnet18', r'unexpected: layer1.2.conv1.weight \(8, 8, 3, 3\), .*, \.\.\.$'),
    ('resnet18', 'resnet34', r'missing: layer1.2.conv1.weight \(8, 8, 3, 3\)'),
    ('resnet50', 'resnet18', r'do not fit resnet18.*unexpected.*layer1.0.conv1.weight \(8, 64, 1, 1\), not \(8, 64, 3, 3\)'),
    ('mobilenetv2_100', 'mobilenetv3_small_050', 'missing: .*unexpected: ')])
def test_files_of_another_model(tmp_path, of, into, message):
    file = save(state_of(of), tmp_path / 'weights.pth')
    with pytest.raises(ValueError, match=message) as caught:
        loaded(file, into)
    assert str(file) in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('key', ['layer3.0.conv1.weight', 'bn1.running_var'])
def test_one_lacking_tensor_is_named(tmp_path, key):
    state = state_of()
    del state[key]
    with pytest.raises(ValueError, match=f'1 missing: {key} '):
        loaded(save(state, tmp_path / 'weights.pth'))


class Hostile:
    """What would write a file if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), 'w'))


def test_files_run_no_code(tmp_path):
    torch.save({'state_dict': state_of(), 'extra': Hostile(tmp_path / 'written')}, tmp_path / 'weights.pth')
    with pytest.raises(ValueError, match=r'weights\.pth is no file of weights .* without running code'):
        loaded(tmp_path / 'weights.pth')
    assert not (tmp_path / 'written').exists()


@pytest.mark.parametrize('name', ['weights.pth', 'weights.safetensors'])
def test_files_that_are_none(tmp_path, name):
    (tmp_path / name).write_text('no weights')
    with pytest.raises(ValueError, match=f'{name} is no file of weights for resnet18'):
        loaded(tmp_path / name)


def test_missing_file_is_an_error_of_the_training_not_of_the_test():
    backbone = TimmBackbone('resnet18', 'nowhere/weights.pth')
    with pytest.raises(FileNotFoundError, match="'nowhere/weights.pth' is no file.*resnet50.a1_in1k"):
        backbone.init_weights()


def test_swin_for_another_image_size(tmp_path):
    """Its tables of relative positions are resized as timm does for its own weights."""
    file = save(state_of('swin_tiny_patch4_window7_224', **SWIN), tmp_path / 'weights.pth')
    network = loaded(file, 'swin_tiny_patch4_window7_224', img_size=96, window_size=6, **SWIN)
    theirs = timm.create_model('swin_tiny_patch4_window7_224', pretrained=True, img_size=96, window_size=6,
                               pretrained_cfg_overlay={'file': str(file)}, **SWIN).state_dict()
    assert network['layers_0.blocks.0.attn.relative_position_bias_table'].shape == (121, 1)
    for key, value in network.items():
        assert torch.equal(value, theirs[key.replace('layers_', 'layers.')]), key


def test_images_of_one_channel(tmp_path):
    file = save(state_of(), tmp_path / 'weights.pth')
    network = loaded(file, in_chans=1)
    torch.testing.assert_close(network['conv1.weight'], state_of()['conv1.weight'].sum(1, keepdim=True))


def test_default_weights_come_with_the_training(tmp_path, no_network):
    """timm's own, for which a file takes the place of the download."""
    state = state_of()
    file = save(state, tmp_path / 'weights.pth')
    backbone = TimmBackbone('resnet18.a1_in1k', pretrained_cfg_overlay={'file': str(file)}, **NARROW)
    assert not torch.equal(backbone.network.conv1.weight, state['conv1.weight'])
    backbone.init_weights()
    assert torch.equal(backbone.network.conv1.weight, state['conv1.weight'])


def test_no_weights(tmp_path, no_network):
    backbone = TimmBackbone('resnet18', 'none')
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone.init_weights()
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
    assert not no_network


def test_default_weights_that_cannot_be_fetched(tmp_path, no_network):
    backbone = TimmBackbone('resnet18', pretrained_cfg_overlay={'file': str(tmp_path / 'nowhere.pth')})
    assert not no_network
    with pytest.raises(ValueError, match=r'weights of resnet18 could not be fetched .*weights=FILE'):
        backbone.init_weights()


def test_timm_has_no_weights():
    name = next(name for name in timm.list_models('resnet*') if not timm.models.is_model_pretrained(name))
    with pytest.raises(ValueError, match=f'timm has no weights for {name}'):
        TimmBackbone(name).init_weights()


def test_second_initialization_keeps_what_was_trained(tmp_path):
    backbone = TimmBackbone('resnet18', str(save(state_of(), tmp_path / 'weights.pth')), **NARROW)
    backbone.init_weights()
    torch.nn.init.zeros_(backbone.network.conv1.weight)
    backbone.init_weights()
    assert not backbone.network.conv1.weight.any()
