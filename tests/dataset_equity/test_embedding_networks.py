"""Networks embed as their own libraries compute it, with the weights that they were given or an error."""

import sys
import urllib.error

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from torchvision import models, transforms

from imbdet.dataset_equity.embedding_networks import build_embedding

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, write_training_set

CPU = torch.device('cpu')
SIZE = 64
SMALL = 'shufflenet_v2_x0_5'
STATS = dict(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])


def build(name, weights='none', size=SIZE, cfg=None):
    return build_embedding(name, str(weights), size, cfg, CPU)


def photos(size=SIZE, number=2):
    """Images that have no two channels alike."""
    rng = np.random.default_rng(0)
    return [np.stack([cv2.resize(rng.integers(0, top, (8, 8), dtype=np.uint8), (size, size)) for top in (250, 120, 60)], 2)
            for _ in range(number)]


def embedded(embedding, images=None):
    batch = torch.from_numpy(np.stack([embedding.prepare(image) for image in images or photos()]))
    return embedding.embed(batch)


def normalised(images, mean, std):
    """The images as torchvision's own transforms prepare them."""
    return torch.stack([transforms.Normalize(mean, std)(transforms.ToTensor()(image)) for image in images])


@pytest.fixture(scope='module')
def small_network():
    torch.manual_seed(3)
    model = models.get_model(SMALL, weights=None).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # a random network's features would fade away
            module.running_var.fill_(0.2)
    return model


def features(model, images, layer):
    """What reaches a layer, read by a hook."""
    inputs = []
    handle = getattr(model, layer).register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    with torch.no_grad():
        model(images)
    handle.remove()
    return inputs[0]


def test_resnet_against_its_pooled_features(tmp_path):
    torch.manual_seed(1)
    model = models.resnet18(weights=None).eval()
    torch.save(model.state_dict(), tmp_path / 'resnet18.pth')
    pooled = []
    model.avgpool.register_forward_hook(lambda *parts: pooled.append(parts[2].flatten(1)))
    with torch.no_grad():
        model(normalised(photos(), **STATS))
    embedding = build('resnet18', tmp_path / 'resnet18.pth')
    assert embedding.description == {'name': 'resnet18', 'weights': str(tmp_path / 'resnet18.pth'), 'size': SIZE}
    torch.testing.assert_close(embedded(embedding), pooled[0], rtol=1e-4, atol=1e-5)


def test_pixels_of_the_authors(small_network, tmp_path):
    """Half as mean and half as deviation, where torchvision's own weights want ImageNet's; the two are told apart."""
    torch.save(small_network.state_dict(), tmp_path / 'weights.pth')
    embedding = build_embedding(SMALL, str(tmp_path / 'weights.pth'), SIZE, None, CPU, 'symmetric')
    expected = features(small_network, normalised(photos(), [0.5] * 3, [0.5] * 3), 'fc')
    torch.testing.assert_close(embedded(embedding), expected, rtol=1e-3, atol=1e-3)
    assert embedding.description['normalization'] == 'symmetric'  # and so in the name of the folder that keeps embeddings
    assert (expected - features(small_network, normalised(photos(), **STATS), 'fc')).abs().max() > 0.01
    with pytest.raises(ValueError, match='--normalization symmetric is for models of torchvision; colour-texture has its own'):
        build_embedding('colour-texture', 'none', SIZE, None, CPU, 'symmetric')


def test_the_whole_image_is_squeezed():
    image = np.zeros((40, 300, 3), np.uint8)
    image[:, :150], image[:, 150:] = (255, 0, 0), (0, 0, 255)
    with pytest.warns(UserWarning, match='random weights'):
        prepared = build(SMALL).prepare(image)
    assert prepared.shape == (3, SIZE, SIZE)
    assert prepared[:, :, 0].T.tolist() == [[255, 0, 0]] * SIZE
    assert prepared[:, :, -1].T.tolist() == [[0, 0, 255]] * SIZE


@pytest.mark.parametrize('form', ['whole', 'without classifier', 'in a checkpoint', 'before torch 0.4.1'])
def test_files_of_weights(form, small_network, tmp_path):
    state = small_network.state_dict()
    if form == 'without classifier':
        state = {key: value for key, value in state.items() if not key.startswith('fc.')}
    elif form == 'in a checkpoint':
        state = {'state_dict': state, 'epoch': 3}
    elif form == 'before torch 0.4.1':
        state = {key: value for key, value in state.items() if not key.endswith('num_batches_tracked')}
    torch.save(state, tmp_path / 'weights.pth')
    expected = features(small_network, normalised(photos(), **STATS), 'fc')
    assert expected.std() > 1e-3
    torch.testing.assert_close(embedded(build(SMALL, tmp_path / 'weights.pth')), expected, rtol=1e-3, atol=1e-3)


def without(state, name):
    return {key: value for key, value in state.items() if key != name}


@pytest.mark.parametrize(('change', 'message'), [
    (lambda state: without(state, 'stage2.0.branch1.0.weight'),
     r"the weights of \S+weights\.pth do not fit shufflenet_v2_x0_5: stage2\.0\.branch1\.0\.weight and 0 more"),
    (lambda state: {**state, 'conv1.1.bias': torch.zeros(7)}, r'conv1\.1\.bias and 0 more are missing, of another shape'),
    (lambda state: {**state, 'stage5.weight': torch.zeros(7)}, r'stage5\.weight and 0 more are missing, of another shape'),
    (lambda state: {'model': state}, r'conv1\.0\.weight and \d+ more are missing'),
    (lambda state: {}, r'conv1\.0\.weight and \d+ more are missing'),
    (lambda state: torch.zeros(3), r'weights\.pth is no file of weights that torch loads with weights_only'),
    (lambda state: [torch.zeros(3)], r'weights\.pth is no file of weights that torch loads with weights_only'),
    (lambda state: CPU, r'weights\.pth is no file of weights that torch loads with weights_only'),
])
def test_wrong_files_of_weights(change, message, small_network, tmp_path):
    torch.save(change(small_network.state_dict()), tmp_path / 'weights.pth')
    with pytest.raises(ValueError, match=message):
        build(SMALL, tmp_path / 'weights.pth')


def test_files_that_hold_no_weights(tmp_path):  # fault 25
    with pytest.raises(FileNotFoundError, match=r"--weights none\.pth: no such file \(or 'default', 'none', or a name"):
        build(SMALL, 'none.pth')
    with pytest.raises(FileNotFoundError):
        build('colour-texture', 'none.pth')
    (tmp_path / 'text.pth').write_text('no weights')
    with pytest.raises(ValueError, match=r'text\.pth is no file of weights'):
        build(SMALL, tmp_path / 'text.pth')


def test_random_weights_are_told_and_repeat():
    """A second process, or one that goes on after a kill, has the same."""
    torch.manual_seed(5)
    state = torch.get_rng_state()
    found = []
    for seed in (5, 6):
        torch.manual_seed(seed)
        with pytest.warns(UserWarning, match=r'shufflenet_v2_x0_5 with random weights: images that look alike'):
            embedding = build(SMALL)
        found.append({name: value.clone() for name, value in embedding.network.state_dict().items()})
        if seed == 5:
            assert torch.equal(torch.get_rng_state(), state)  # whoever calls keeps its own random numbers
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert embedded(embedding).std() > 0


def test_other_weights_are_not_warned_of(small_network, tmp_path, recwarn):
    torch.save(small_network.state_dict(), tmp_path / 'weights.pth')
    build(SMALL, tmp_path / 'weights.pth')
    build('colour-texture')
    assert not [warning for warning in recwarn if 'random' in str(warning.message)]


@pytest.mark.parametrize(('name', 'layer', 'length'), [
    ('mobilenet_v3_small', 'classifier', 576), ('efficientnet_b0', 'classifier', 1280), ('densenet121', 'classifier', 1024),
    ('convnext_tiny', 'avgpool', 768),
])
def test_other_families(name, layer, length, tmp_path):
    torch.manual_seed(0)
    model = models.get_model(name, weights=None).eval()
    torch.save(model.state_dict(), tmp_path / 'weights.pth')
    expected = features(model, normalised(photos(), **STATS), layer)
    expected = expected.mean((2, 3)) if expected.dim() == 4 else expected
    found = embedded(build(name, tmp_path / 'weights.pth'))
    assert found.shape == (2, length)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty cache of torch's hub, and a network that cannot be reached."""

    def refuse(url, *arguments, **keys):
        raise urllib.error.URLError('Name or service not known')

    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr(torch.hub, '_hub_dir', None)
    monkeypatch.setattr(torch.hub, 'download_url_to_file', refuse)
    (tmp_path / 'hub/checkpoints').mkdir(parents=True)
    return tmp_path / 'hub/checkpoints'


def test_default_weights_come_from_the_hub(hub, small_network, recwarn):
    torch.save(small_network.state_dict(), hub / models.get_model_weights(SMALL).DEFAULT.url.split('/')[-1])
    expected = features(small_network, normalised(photos(), **STATS), 'fc')
    torch.testing.assert_close(embedded(build(SMALL, 'default')), expected, rtol=1e-3, atol=1e-3)
    assert not [warning for warning in recwarn if 'random' in str(warning.message)]


def test_default_weights_that_torchvision_renames(hub):
    """The hub's file of a DenseNet is old: it has norm.1 where the network has norm1, and does not count batches."""
    model = models.densenet121(weights=None)
    state = {key.replace('.norm1.', '.norm.1.') if 'denselayer' in key else key: value
             for key, value in model.state_dict().items() if 'num_batches' not in key}
    assert set(state) != set(model.state_dict())
    torch.save(state, hub / models.DenseNet121_Weights.DEFAULT.url.split('/')[-1])
    network = build('densenet121', 'default').network
    name = 'features.denseblock1.denselayer1.conv1.weight'
    assert torch.equal(network.state_dict()[name], model.state_dict()[name])


def test_weights_by_name(hub):
    """The first weights of a network that has better ones by now; no other file is there to be had."""
    model = models.mobilenet_v2(weights=None)
    torch.save(model.state_dict(), hub / models.MobileNet_V2_Weights.IMAGENET1K_V1.url.split('/')[-1])
    found = build('mobilenet_v2', 'IMAGENET1K_V1')
    assert torch.equal(found.network.state_dict()['features.0.0.weight'], model.features[0][0].weight)
    assert found.description['weights'] == 'IMAGENET1K_V1'
    with pytest.raises(ValueError, match='the weights of mobilenet_v2 could not be fetched'):
        build('mobilenet_v2', 'IMAGENET1K_V2')
    with pytest.raises(FileNotFoundError, match='--weights IMAGENET1K_V9: no such file .* a name of torchvision'):
        build('mobilenet_v2', 'IMAGENET1K_V9')


def test_unreachable_hub(hub):
    with pytest.raises(ValueError, match=r'the weights of resnet18 could not be fetched \(URLError.*Give a file with '
                       r'--weights, or .* --embedding colour-texture, or --embedding detector --weights CHECKPOINT'):
        build('resnet18', 'default')


# The last one is a detector, whose features no classifier reads.
@pytest.mark.parametrize('name', ['resnet5000', 'colour_texture', '', 'fasterrcnn_resnet50_fpn'])
def test_unknown_name(name):
    with pytest.raises(ValueError, match=f"no embedding '{name}': choose colour-texture, detector, a model of torchvision"):
        build(name)


@pytest.mark.parametrize(('name', 'length'), [('resnet10t', 512), ('vit_tiny_patch16_224', 192), ('convnext_atto', 320)])
def test_timm(name, length, tmp_path):
    """Transformers are made for the size; the mean and deviation are the model's own."""
    timm = pytest.importorskip('timm', reason='an optional dependency')
    size = dict(img_size=SIZE) if name.startswith('vit') else {}
    torch.manual_seed(0)
    model = timm.create_model(name, **size).eval()
    torch.save(model.state_dict(), tmp_path / 'weights.pth')
    data = timm.data.resolve_model_data_config(model)
    with torch.no_grad():
        expected = model.forward_head(model.forward_features(normalised(photos(), data['mean'], data['std'])), pre_logits=True)
    found = embedded(build(f'timm:{name}', tmp_path / 'weights.pth'))
    assert found.shape == (2, length)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_wrong_timm_models(tmp_path, monkeypatch):
    timm = pytest.importorskip('timm', reason='an optional dependency')
    with pytest.raises(ValueError, match=r"timm has no model 'nothing'"):
        build('timm:nothing')
    torch.save({'conv1.weight': torch.zeros(1)}, tmp_path / 'weights.pth')
    with pytest.raises(ValueError, match='do not fit resnet10t: conv1.0.weight and'):
        build('timm:resnet10t', tmp_path / 'weights.pth')

    def refuse(name, **keys):
        raise OSError('the hub is not there')

    monkeypatch.setattr(timm, 'create_model', refuse)
    with pytest.raises(ValueError, match='the weights of timm:resnet10t could not be fetched.*--embedding colour-texture'):
        build('timm:resnet10t', 'default')


def test_without_timm(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(ImportError, match=r"timm:resnet18 needs timm: pip install 'imbdet\[embeddings\]'"):
        build('timm:resnet18')


def by_hand(cfg, state, images):
    """The mean of the backbone's last level, after the detector's own preprocessor, from images as mmdet loads them: BGR."""
    detector = MODELS.build(cfg.model).eval()
    detector.load_state_dict(state)
    inputs = [torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1))) for image in images]
    with torch.no_grad():
        batch = detector.data_preprocessor({'inputs': inputs}, False)['inputs']
        return detector.backbone(batch)[-1].mean((2, 3))


def test_detector_with_the_checkpoint_of_a_training(tmp_path):
    write_training_set(tmp_path, num_images=2)
    runner = make_runner(tmp_path, tiny_detector('retinanet'), max_iters=1)
    runner.train()
    checkpoint = next((tmp_path / 'work').rglob('iter_1.pth'))
    expected = by_hand(runner.cfg, runner.model.state_dict(), photos())
    found = embedded(build('detector', checkpoint, cfg=runner.cfg))
    assert found.shape == (2, 64)
    assert expected.std() > 0
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('preprocessor', [
    dict(bgr_to_rgb=True, mean=[120.0, 100.0, 80.0], std=[50.0, 60.0, 70.0]),
    dict(bgr_to_rgb=False, mean=[80.0, 100.0, 120.0], std=[1.0, 2.0, 3.0]),
    dict(bgr_to_rgb=True, mean=None, std=None),
    dict(bgr_to_rgb=False, mean=None, std=None),
])
def test_detector_prepares_images_as_in_training(preprocessor, tmp_path):
    cfg = Config(dict(model=tiny_detector('retinanet', data_preprocessor=preprocessor)))
    torch.manual_seed(0)
    state = MODELS.build(cfg.model).state_dict()
    torch.save({'state_dict': state, 'meta': {}}, tmp_path / 'checkpoint.pth')
    expected = by_hand(cfg, state, photos())
    found = embedded(build('detector', tmp_path / 'checkpoint.pth', cfg=cfg))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    swapped = by_hand(cfg, state, [image[..., ::-1] for image in photos()])
    assert (swapped - expected).abs().max() > 0.05 * expected.abs().max()  # with which the channels' order is seen


def test_detector_without_config_or_checkpoint():
    for weights, cfg in (('none', None), ('default', Config(dict(model=tiny_detector('retinanet'))))):
        with pytest.raises(ValueError, match='--embedding detector takes the backbone .* give its CONFIG and --weights CHECKP'):
            build('detector', weights, cfg=cfg)


def test_detector_with_random_weights():
    with pytest.warns(UserWarning, match='detector with random weights'):
        assert embedded(build('detector', cfg=Config(dict(model=tiny_detector('retinanet'))))).shape == (2, 64)


@pytest.mark.parametrize(('backbone', 'message'), [
    (dict(depth=34), 'layer1.2.conv1.weight'),  # which has what depth 18 has, and more
    (dict(base_channels=4), 'conv1.weight'),
    (None, 'conv1.weight'),
])
def test_checkpoint_of_another_detector(backbone, message, tmp_path):
    state = {'bbox_head.weight': torch.zeros(1)}
    if backbone:
        changes = dict(backbone=backbone)
        if 'base_channels' in backbone:
            changes['neck'] = dict(in_channels=[4, 8, 16, 32])
        state = MODELS.build(tiny_detector('retinanet', **changes)).state_dict()
    torch.save({'state_dict': state}, tmp_path / 'checkpoint.pth')
    with pytest.raises(ValueError, match=rf"checkpoint\.pth do not fit the config's backbone: {message} and \d+ more"):
        build('detector', tmp_path / 'checkpoint.pth', cfg=Config(dict(model=tiny_detector('retinanet'))))
