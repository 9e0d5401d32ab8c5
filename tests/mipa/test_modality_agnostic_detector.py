"""The wrapped detector is the plain one with a loss more."""

import copy

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.runner import load_checkpoint
from mmengine.structures import InstanceData

from ..tiny_detectors import tiny_detector

pytestmark = pytest.mark.usefixtures('progress')  # not that of another test's training
PREPROCESSOR = dict(type='MiPaDataPreprocessor', patch_size=8, ir_ratio=0.5, seed=0, pad_size_divisor=32)
HEAD = dict(type='PatchModalityHead', in_channels=16, stride=8, patch_size=8, feat_channels=16)


def plain_config(name='retinanet'):
    config = tiny_detector(name)
    config.data_preprocessor = dict(PREPROCESSOR)
    return config


def wrapped(name='retinanet', **keys):
    torch.manual_seed(0)
    model = MODELS.build({**dict(type='ModalityAgnosticDetector', detector=plain_config(name), modality_head=HEAD, stage=1),
                          **keys})
    model.init_weights()
    return model


def plain_of(model, name='retinanet'):
    """The plain detector with the weights of the one inside."""
    plain = MODELS.build(plain_config(name))
    plain.load_state_dict({key.removeprefix('detector.'): value for key, value in model.state_dict().items()
                           if key.startswith('detector.')})
    return plain


def batch(channels=6):
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randint(0, 256, (channels, 64, 96), generator=generator, dtype=torch.uint8) for _ in range(2)]
    metainfo = dict(img_path='a.png', modality='pair' if channels == 6 else 'ir', img_shape=(64, 96), ori_shape=(64, 96),
                    scale_factor=(1.0, 1.0))
    samples = [DetDataSample(metainfo=metainfo, gt_instances=InstanceData(
        bboxes=torch.tensor([[8., 8, 40, 40]]), labels=torch.tensor([1])), ignored_instances=InstanceData(
            bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))) for _ in inputs]
    return dict(inputs=inputs, data_samples=samples)


def training_losses(model):
    torch.manual_seed(0)
    model.train()
    return model(**model.data_preprocessor(batch(), True), mode='loss')


@pytest.mark.parametrize('name', ['retinanet', 'faster-rcnn', 'dino'])
def test_losses_are_the_detectors_and_one_more(name):
    stage = 0 if name == 'dino' else 1  # DINO's backbone starts at stride 8
    model = wrapped(name, stage=stage)
    plain = plain_of(model, name)
    ours, theirs = training_losses(model), training_losses(plain)
    assert set(ours) - set(theirs) == {'loss_modality', 'acc_modality', 'modality_reversal'}
    for key, value in theirs.items():
        assert torch.equal(torch.as_tensor(sum(value) if isinstance(value, list) else value),
                           torch.as_tensor(sum(ours[key]) if isinstance(value, list) else ours[key])), key


def test_features_are_computed_once_and_from_the_chosen_stage():
    model = wrapped()
    outputs, seen = [], []
    model.detector.backbone.register_forward_hook(lambda module, inputs, out: outputs.append(out))
    model.modality_head.layers[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    training_losses(model)
    assert len(outputs) == 1
    assert torch.equal(seen[0], outputs[0][1].permute(0, 2, 3, 1).flatten(0, 2))
    assert len(model.detector.backbone._forward_hooks) == 1  # the test's own


def test_predictions_are_the_plain_detectors_at_no_cost():
    model = wrapped()
    plain = plain_of(model)
    calls = []
    model.modality_head.register_forward_pre_hook(lambda *_: calls.append(1))
    results = []
    for detector in (model.eval(), plain.eval()):
        with torch.no_grad():
            results.append(detector.test_step(batch(3)))
    for ours, theirs in zip(*results, strict=True):
        assert len(ours.pred_instances) > 0
        for key in ('bboxes', 'scores', 'labels'):
            assert torch.equal(ours.pred_instances[key], theirs.pred_instances[key])
    assert not calls
    inputs = torch.rand(1, 3, 64, 96)
    for ours, theirs in zip(model(inputs), plain(inputs), strict=True):
        assert all(map(torch.equal, ours, theirs))
    assert all(map(torch.equal, model.extract_feat(inputs), plain.extract_feat(inputs)))


@pytest.mark.parametrize('loader', ['mmengine', 'torch'])
def test_checkpoints_of_plain_detectors_load(tmp_path, loader):
    plain = MODELS.build(plain_config())
    torch.manual_seed(7)
    plain.init_weights()
    model = wrapped()
    head = copy.deepcopy(model.modality_head.state_dict())
    if loader == 'torch':
        found = model.load_state_dict(plain.state_dict(), strict=False)
        assert found.unexpected_keys == []
        assert {key.split('.')[0] for key in found.missing_keys} == {'modality_head'}
    else:
        torch.save(dict(state_dict=plain.state_dict()), tmp_path / 'plain.pth')
        load_checkpoint(model, str(tmp_path / 'plain.pth'), map_location='cpu')
    for key, value in plain.state_dict().items():
        assert torch.equal(model.detector.state_dict()[key], value), key
    for key, value in model.modality_head.state_dict().items():
        assert torch.equal(head[key], value)


def test_a_learnt_share_of_a_plain_detector_loads():
    config = plain_config()
    config.data_preprocessor.ir_ratio = 'learnable'
    plain, model = MODELS.build(config), wrapped(detector=config)
    with torch.no_grad():
        plain.data_preprocessor.learnable_ratio.mean.fill_(0.7)
    assert model.load_state_dict(plain.state_dict(), strict=False).unexpected_keys == []
    assert model.data_preprocessor.learnable_ratio.mean.item() == pytest.approx(0.7)


def test_its_own_checkpoints_load():
    model, other = wrapped(), wrapped()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.rand_like(parameter))
    other.load_state_dict(model.state_dict())  # strictly
    for key, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[key])


def test_data_preprocessor_is_the_detectors_and_there_is_one():
    model = wrapped()
    assert type(model.data_preprocessor).__name__ == 'MiPaDataPreprocessor'
    detector = plain_config()
    detector.data_preprocessor.ir_ratio = 'learnable'
    learnable = wrapped(detector=detector)
    names = [name for name, _ in learnable.named_parameters() if 'ratio' in name]
    assert names == ['data_preprocessor.learnable_ratio.mean', 'data_preprocessor.learnable_ratio.spread']


def test_errors():
    with pytest.raises(ValueError, match=r'stage must be one of the 4 outputs of the ResNet \(0 to 3\), got 4'):
        training_losses(wrapped(stage=4))
    config = plain_config()
    config.pop('data_preprocessor')
    with pytest.raises(ValueError, match="needs data_preprocessor=dict\\(type='MiPaDataPreprocessor'"):
        wrapped(detector=config)
    MODELS.register_module(module=torch.nn.Identity, name='NoDetector', force=True)
    with pytest.raises(ValueError, match='Identity has no backbone'):
        wrapped(detector=dict(type='NoDetector', data_preprocessor=PREPROCESSOR))
