"""The hook in real trainings of tiny detectors."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.models.dense_heads import RetinaHead
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner, save_checkpoint

from imbdet.heads import find_heads
from imbdet.sampling_free import OptimalBiasInitHook, foreground_prior, optimal_bias, optimal_softmax_bias
from imbdet.sampling_free.foreground_prior import class_priors
from imbdet.sampling_free.head_bias import set_bias
from imbdet.sampling_free.measure_prior import measure_foreground

from ..test_configs import CONFIGS
from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, training_config, write_training_set

# Head, and the parameters that hold the biases of its foreground decision.
MEASURED = {
    'retinanet': ('bbox_head', ['bbox_head.retina_cls.bias']),
    'fcos': ('bbox_head', ['bbox_head.conv_cls.bias']),
    'atss': ('bbox_head', ['bbox_head.atss_cls.bias']),
    'paa': ('bbox_head', ['bbox_head.atss_cls.bias']),
    'gfl': ('bbox_head', ['bbox_head.gfl_cls.bias']),
    'yolox': ('bbox_head', [f'bbox_head.multi_level_conv_obj.{level}.bias' for level in range(3)]),
    'yolov3': ('bbox_head', [f'bbox_head.convs_pred.{level}.bias' for level in range(3)]),
    'rpn': ('bbox_head', ['bbox_head.rpn_cls.bias']),
    'faster-rcnn': ('rpn_head', ['rpn_head.rpn_cls.bias']),
    'mask-rcnn': ('rpn_head', ['rpn_head.rpn_cls.bias']),
    'cascade-rcnn': ('rpn_head', ['rpn_head.rpn_cls.bias']),
}
NAMED = {
    'ssd': ('bbox_head', [f'bbox_head.cls_convs.{level}.0.bias' for level in range(3)]),
    'faster-rcnn': ('roi_head.bbox_head', ['roi_head.bbox_head.fc_cls.bias']),
    'cascade-rcnn': ('roi_head.bbox_head.1', ['roi_head.bbox_head.1.fc_cls.bias']),
    'detr': ('bbox_head', ['bbox_head.fc_cls.bias']),
    'deformable-detr': ('bbox_head', ['bbox_head.cls_branches.0.bias']),
    'dino': ('bbox_head', [f'bbox_head.cls_branches.{layer}.bias' for layer in range(3)]),
}
SOFTMAX = {'ssd', 'detr', 'roi_head.bbox_head', 'roi_head.bbox_head.1'}


class StateBeforeTraining(Hook):
    """Keep weights and random states as they are when the first iteration starts, and the images that follow."""

    priority = 'VERY_LOW'

    def __init__(self):
        self.images = []

    def before_train(self, runner):
        self.weights = {name: value.clone() for name, value in runner.model.state_dict().items()}
        self.random = (random.random(), np.random.rand(), torch.rand(1).item())
        self.modes = {name: module.training for name, module in runner.model.named_modules()}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.images += [sample.img_id for sample in data_batch['data_samples']]


@pytest.fixture
def start(tmp_path):
    """A function that trains and returns the runner and the state before the first iteration."""
    write_training_set(tmp_path)

    def run(model, *hooks, **keys):
        runner = make_runner(tmp_path, model, hooks, **keys)
        state = StateBeforeTraining()
        runner.register_hook(state)
        runner.train()
        return runner, state

    return run


def hook(prior='measure', **keys):
    return dict(type='OptimalBiasInitHook', prior=prior, **keys)


def record_of(runner, head='bbox_head'):
    return json.loads((Path(runner.work_dir) / 'foreground_prior.json').read_text())[head]


def assert_trained(runner, state):
    weights = runner.model.state_dict()
    assert all(value.isfinite().all() for value in weights.values())
    assert any(not torch.equal(value, state.weights[name]) for name, value in weights.items())


@pytest.mark.parametrize('name', MEASURED)
def test_measured(name, start):
    head, biases = MEASURED[name]
    runner, state = start(tiny_detector(name), hook())
    record = record_of(runner, head)
    classes = 1 if name.startswith(('yolo', 'rpn')) or head == 'rpn_head' else 3
    assert 0 < record['num_foreground'] < record['num_anchors']
    assert record['prior'] == record['num_foreground'] / (record['num_anchors'] * classes)
    for bias in biases:
        value = state.weights[bias]
        value = value.view(3, -1)[:, 4] if name == 'yolov3' else value
        np.testing.assert_allclose(value, optimal_bias(record['prior']), rtol=1e-6)
    assert_trained(runner, state)


@pytest.mark.parametrize('name', NAMED)
def test_given(name, start):
    head, biases = NAMED[name]
    runner, state = start(tiny_detector(name), hook({head: 2e-3}))
    for bias in biases:
        value = state.weights[bias]
        if name in SOFTMAX or head in SOFTMAX:
            value = value.view(-1, 4)
            np.testing.assert_allclose(value[:, :3] - value[:, 3:], optimal_softmax_bias(2e-3, 3), rtol=1e-6)
        else:
            np.testing.assert_allclose(value, optimal_bias(2e-3), rtol=1e-6)
    assert not (Path(runner.work_dir) / 'foreground_prior.json').exists()
    assert_trained(runner, state)


def test_candidates_that_paa_scores_are_not_counted(start):
    record = record_of(start(tiny_detector('paa'), hook())[0])
    assert record['num_anchors'] <= 2 * (12 * 16 + 6 * 8 + 3 * 4)  # two images, an anchor a place


def test_normalisation_is_in_eval_mode_while_measuring(tmp_path):
    write_training_set(tmp_path)
    runner = make_runner(tmp_path, tiny_detector('retinanet'))
    detector, modes = runner.model, {}
    for name in ('backbone.bn1', 'backbone.conv1', 'bbox_head'):
        detector.get_submodule(name).register_forward_pre_hook(
            lambda module, inputs, name=name: modes.update({name: module.training}))
    measure_foreground(detector, [find_heads(detector)['bbox_head']], runner.train_dataloader)
    assert modes == {'backbone.bn1': False, 'backbone.conv1': True, 'bbox_head': True}


def test_roi_heads_are_measured_when_named(start):
    runner, state = start(tiny_detector('faster-rcnn'), hook({'roi_head.bbox_head': 'measure'}))
    record = record_of(runner, 'roi_head.bbox_head')
    assert record['num_classes'] == 3
    bias = state.weights['roi_head.bbox_head.fc_cls.bias']
    np.testing.assert_allclose(bias[:3] - bias[3], optimal_softmax_bias(record['prior'], 3), rtol=1e-6)
    assert (state.weights['rpn_head.rpn_cls.bias'] == 0).all()  # not named


@pytest.mark.parametrize('prior', [0.01, 'measure'])
@pytest.mark.parametrize(('loss', 'num_outputs'), [('EqualizationLoss', 3), ('EqualizationLossV2', 4), ('GumbelLoss', 3)])
def test_roi_heads_of_sigmoids(loss, num_outputs, prior, start):
    """The scores of the classes start at the prior, by the activation of the loss; a background's starts at 1/2."""
    config = tiny_detector('faster-rcnn')
    config.roi_head.bbox_head.loss_cls = dict(type=loss)
    runner, state = start(config, hook({'roi_head.bbox_head': prior}))
    expected = prior if prior == 0.01 else record_of(runner, 'roi_head.bbox_head')['prior']
    bias = state.weights['roi_head.bbox_head.fc_cls.bias']
    assert len(bias) == num_outputs
    scores = runner.model.roi_head.bbox_head.loss_cls.scores(bias)
    np.testing.assert_allclose(scores[:3], expected, rtol=1e-5)
    assert (scores[3:] == 0.5).all()


def test_roi_heads_are_left_alone(start):
    _, state = start(tiny_detector('faster-rcnn'), hook(1e-3))
    assert (state.weights['roi_head.bbox_head.fc_cls.bias'] == 0).all()
    np.testing.assert_allclose(state.weights['rpn_head.rpn_cls.bias'], optimal_bias(1e-3), rtol=1e-6)


def test_counts_equal_an_assignment_by_hand(tmp_path):
    """Foreground by IoU as RetinaNet's config says, anchor by anchor, on all the images."""
    boxes = write_training_set(tmp_path, num_boxes=[3, 2, 0, 1, 5, 2, 1, 4])
    config = training_config(tmp_path, tiny_detector('retinanet'), [hook(num_batches=99)], max_iters=1, flip=0)
    runner = Runner.from_cfg(config)
    runner.train()
    generator = runner.model.bbox_head.prior_generator
    anchors = np.concatenate([level.numpy() for level in generator.grid_priors([(12, 16), (6, 8), (3, 4)], device='cpu')])
    num_foreground = num_anchors = 0
    for image in boxes.values():
        ious = np.zeros((len(anchors), max(len(image), 1)))
        for column, (x, y, width, height) in enumerate(image.tolist()):
            sides = np.minimum(anchors[:, 2:], (x + width, y + height)) - np.maximum(anchors[:, :2], (x, y))
            shared = sides.clip(min=0).prod(axis=1)
            ious[:, column] = shared / ((anchors[:, 2:] - anchors[:, :2]).prod(axis=1) + width * height - shared)
        foreground = ious.max(axis=1) >= 0.5
        if len(image):
            foreground |= (ious >= ious.max(axis=0) - 1e-9).any(axis=1)  # every box has its best anchor
        num_foreground += foreground.sum()
        num_anchors += (foreground | (ious.max(axis=1) < 0.4)).sum()
    record = record_of(runner)
    assert (record['num_foreground'], record['num_anchors']) == (num_foreground, num_anchors)


def test_no_other_prior_starts_from_less_loss(digits):
    """The quickstart's detector with plain cross entropy, its own assigner and digits it was not measured on."""
    cfg = Config.fromfile(CONFIGS / 'quickstart/retinanet_r18_bias-init_400i_digits.py')
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.dataset.data_root = str(digits)
    torch.manual_seed(0)
    detector = MODELS.build(cfg.model)
    detector.init_weights()
    batches = iter(Runner.build_dataloader(cfg.train_dataloader, seed=0))
    head = find_heads(detector)['bbox_head']
    foreground, anchors = measure_foreground(detector, [head], [next(batches) for _ in range(4)])['bbox_head']
    measured = foreground_prior(foreground, anchors, 20)
    others = [detector.data_preprocessor(next(batches), True) for _ in range(2)]

    @torch.no_grad()
    def initial_loss(prior):
        set_bias(head, prior)
        return sum(sum(detector(**batch, mode='loss')['loss_cls']).item() for batch in others)

    losses = {prior: initial_loss(prior) for prior in (measured, 0.01, measured / 30, measured * 30)}
    assert min(losses, key=losses.get) == measured


def test_measuring_leaves_no_trace(start):
    """Random states, weights, buffers, modes and the order of the images are as without it."""
    runs = []
    for prior in ('measure', 1e-3):
        model = tiny_detector('retinanet')
        runs.append(start(model, hook(prior), max_iters=4)[1])
    measured, given = runs
    assert measured.random == given.random
    assert measured.modes == given.modes
    assert measured.images == given.images
    for name, value in given.weights.items():
        if name != 'bbox_head.retina_cls.bias':
            assert torch.equal(value, measured.weights[name]), name


def test_an_own_dataloader(start, tmp_path):
    write_training_set(tmp_path / 'other', num_images=2, seed=5)
    loader = dict(training_config(tmp_path / 'other', tiny_detector('rpn')).train_dataloader)
    runner, _ = start(tiny_detector('retinanet'), hook(dataloader=loader, num_batches=99))
    record = record_of(runner)
    assert record['num_anchors'] < 2 * (12 * 16 + 6 * 8 + 3 * 4) * 9 + 1  # two images


def test_not_again_on_resume(start):
    runner, _ = start(tiny_detector('retinanet'), hook(), max_iters=1, lr=5.0)
    path = Path(runner.work_dir) / 'foreground_prior.json'
    path.unlink()
    _, state = start(tiny_detector('retinanet'), hook(), max_iters=2, lr=5.0, resume=True)
    trained = runner.model.state_dict()['bbox_head.retina_cls.bias']
    assert trained.std() > 0  # so that writing the bias again would show
    assert torch.equal(state.weights['bbox_head.retina_cls.bias'], trained)
    assert not path.exists()


@pytest.mark.parametrize(('num_classes', 'kept'), [(3, True), (5, False)])
def test_loading_a_checkpoint(num_classes, kept, start, tmp_path):
    detector = MODELS.build(tiny_detector('retinanet', bbox_head=dict(num_classes=num_classes)))
    torch.nn.init.constant_(detector.bbox_head.retina_cls.bias, -1.5)
    save_checkpoint({'state_dict': detector.state_dict()}, str(tmp_path / 'other.pth'))
    _, state = start(tiny_detector('retinanet'), hook(1e-3), load_from=str(tmp_path / 'other.pth'))
    expected = -1.5 if kept else optimal_bias(1e-3)
    np.testing.assert_allclose(state.weights['bbox_head.retina_cls.bias'], expected, rtol=1e-6)


@pytest.mark.parametrize(('where', 'num_classes', 'kept'), [
    ('detector', 3, True), ('detector', 5, False), ('head', 3, True), ('prefix', 3, True), ('backbone', 3, False)])
def test_weights_of_an_init_cfg(where, num_classes, kept, start, tmp_path):
    """A bias that ``init_cfg`` loaded is kept, as mmengine's own initialization leaves it."""
    detector = MODELS.build(tiny_detector('retinanet', bbox_head=dict(num_classes=num_classes)))
    torch.nn.init.constant_(detector.bbox_head.retina_cls.bias, -1.5)
    weights = {'detector': detector.state_dict(), 'head': detector.bbox_head.state_dict(), 'prefix': detector.state_dict(),
               'backbone': detector.backbone.state_dict()}[where]
    save_checkpoint({'state_dict': weights}, str(tmp_path / 'other.pth'))
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'other.pth'))
    keys = {'detector': dict(init_cfg=init_cfg), 'head': dict(bbox_head=dict(init_cfg=init_cfg)),
            'prefix': dict(bbox_head=dict(init_cfg=dict(prefix='bbox_head', **init_cfg))),
            'backbone': dict(backbone=dict(init_cfg=init_cfg))}[where]
    _, state = start(tiny_detector('retinanet', **keys), hook(1e-3))
    expected = -1.5 if kept else optimal_bias(1e-3)
    np.testing.assert_allclose(state.weights['bbox_head.retina_cls.bias'], expected, rtol=1e-6)


@pytest.mark.parametrize('ema_first', [False, True])
def test_the_moving_average_starts_from_the_new_bias(ema_first, start):
    hooks = [hook(1e-3), dict(type='EMAHook')]
    runner, _ = start(tiny_detector('retinanet'), *hooks[::-1 if ema_first else 1], lr=0.0, max_iters=1)
    ema = next(hook for hook in runner.hooks if type(hook).__name__ == 'EMAHook').ema_model.module
    np.testing.assert_allclose(ema.bbox_head.retina_cls.bias.detach(), optimal_bias(1e-3), rtol=1e-6)


def test_priors_from_a_file(start):
    runner, state = start(tiny_detector('retinanet'), hook())
    path = Path(runner.work_dir) / 'foreground_prior.json'
    _, again = start(tiny_detector('retinanet'), hook(str(path)))
    bias = 'bbox_head.retina_cls.bias'
    assert torch.equal(state.weights[bias], again.weights[bias])
    path.write_text('{"bbox_head": 0.001}')
    with pytest.raises(ValueError, match=r'foreground_prior\.json: not a file of foreground priors'):
        OptimalBiasInitHook(prior=str(path))
    with pytest.raises(FileNotFoundError, match='nowhere'):
        OptimalBiasInitHook(prior='nowhere')


@MODELS.register_module()
class UnknownHead(RetinaHead):
    """A head that keeps its classification layer under a name of its own."""

    def _init_layers(self):
        super()._init_layers()
        self.mine = self.retina_cls
        del self.retina_cls

    def forward_single(self, x):
        return self.mine(self.cls_convs[0](x)), self.retina_reg(self.reg_convs[0](x))


@MODELS.register_module()
class BiaslessHead(RetinaHead):
    """A head whose classification layer has no bias."""

    def _init_layers(self):
        super()._init_layers()
        self.retina_cls.bias = None


def head_of_type(kind):
    model = tiny_detector('retinanet')
    model.bbox_head.update(type=kind, init_cfg=None)
    return model


def unknown_head():
    return head_of_type('UnknownHead')


def yolof_head():
    model = head_of_type('YOLOFHead')
    del model.bbox_head['stacked_convs']
    return model


def biasless_head():
    return head_of_type('BiaslessHead')


def test_a_head_of_ones_own(start):
    _, state = start(unknown_head(), hook(1e-3, layers=dict(bbox_head='mine')))
    np.testing.assert_allclose(state.weights['bbox_head.mine.bias'], optimal_bias(1e-3), rtol=1e-6)


@pytest.mark.parametrize(('model', 'arguments', 'message'), [
    (unknown_head, {}, r"bbox_head is a UnknownHead, which is not known; .* layers=\{'bbox_head': \.\.\.\}"),
    (unknown_head, dict(layers=dict(bbox_head='yours')), "bbox_head, a UnknownHead, has no 'yours'"),
    (unknown_head, dict(layers=dict(rpn_head='mine')), 'the detector has no rpn_head; its heads are bbox_head'),
    (yolof_head, {}, 'bbox_head is a YOLOFHead, whose class probability is a product'),
    (yolof_head, dict(layers=dict(bbox_head='cls_score')), 'bbox_head is a YOLOFHead, whose class probability is a product'),
    (biasless_head, {}, r'bbox_head\.retina_cls, a Conv2d, has no bias to initialize'),
    ('ssd', {}, r"foreground of bbox_head, a SSDHead, cannot be counted; give its prior .*\{'bbox_head': \.\.\.\}"),
    ('dino', {}, r'no head of the detector is initialized by default; name one of bbox_head'),
    ('dino', dict(prior=dict(bbox_head='measure')), 'foreground of bbox_head, a DINOHead, cannot be counted'),
    ('retinanet', dict(prior=dict(rpn_head=1e-3)), 'prior names rpn_head; the heads of the detector are bbox_head'),
    ('faster-rcnn', dict(prior={'roi_head.bbox_head': 0.4}), r'roi_head\.bbox_head \(Shared2FCBBoxHead\): .* got 0\.4'),
])
def test_errors_at_the_start(model, arguments, message, start):
    with pytest.raises(ValueError, match=message):
        start(model() if callable(model) else tiny_detector(model), hook(**arguments))


def test_nothing_to_count(tmp_path):
    write_training_set(tmp_path, num_boxes=[0] * 7 + [3])  # the last image is not among those that are measured
    loader = make_runner(tmp_path, tiny_detector('retinanet')).cfg.train_dataloader
    loader.sampler.shuffle = False
    with pytest.raises(ValueError, match='0 of [0-9]+ anchors of bbox_head are foreground in 1 batches; raise num_batches'):
        make_runner(tmp_path, tiny_detector('retinanet'), [hook()], train_dataloader=loader).train()


def test_dynamic_assigners_are_warned_of(start, capfd):
    start(tiny_detector('yolox'), hook())
    assert 'YOLOXHead assigns by its predictions' in ''.join(capfd.readouterr())


@pytest.mark.parametrize('arguments', [dict(prior=0.0), dict(prior=1), dict(prior=dict(bbox_head=-1.0)),
                                       dict(prior=dict(bbox_head='guess')), dict(num_batches=0)])
def test_arguments_out_of_range(arguments):
    with pytest.raises(ValueError, match=r'prior must|num_batches must'):
        OptimalBiasInitHook(**arguments)


def test_a_detector_without_a_known_head(tmp_path):
    """CenterNet's heat map has no loss_cls: the error gives the two arguments that settle it, and they do."""
    write_training_set(tmp_path)
    config = tiny_detector('retinanet')
    config.bbox_head = dict(type='CenterNetHead', in_channels=16, feat_channels=16, num_classes=3)
    config.type = 'CenterNet'
    config.test_cfg = dict(topk=10, local_maximum_kernel=3, max_per_img=10)
    runner = make_runner(tmp_path, config)
    with pytest.raises(ValueError, match=r'no head with a loss_cls; name .* in layers=dict\(HEAD=...\), and give its prior'):
        OptimalBiasInitHook().before_train(runner)
    layers = dict(bbox_head='heatmap_head')
    with pytest.raises(ValueError, match='the foreground of bbox_head, a CenterNetHead, cannot be counted; give its prior'):
        OptimalBiasInitHook(layers=layers).before_train(runner)
    OptimalBiasInitHook(prior=0.1, layers=layers).before_train(runner)
    assert runner.model.bbox_head.heatmap_head[-1].bias.tolist() == pytest.approx([optimal_bias(0.1)] * 3)


@pytest.mark.parametrize(('name', 'layer'), [
    ('retinanet', 'bbox_head.retina_cls'), ('fcos', 'bbox_head.conv_cls'), ('ssd', 'bbox_head.cls_convs.0.0')])
def test_a_bias_for_each_class(name, layer, start, tmp_path):
    """Each class starts from its own share of the foreground: of a sigmoid, and of a softmax with the background."""
    _, state = start(tiny_detector(name), hook(1e-3, class_wise=True))
    boxes = [annotation['category_id'] for annotation in json.loads((tmp_path / 'train.json').read_text())['annotations']]
    expected = [3 * 1e-3 * boxes.count(label) / len(boxes) for label in range(3)]
    bias = state.weights[f'{layer}.bias']
    if name == 'ssd':
        found = bias.view(-1, 4).softmax(dim=1)
        expected.append(1 - sum(expected))
    else:
        found = bias.view(-1, 3).sigmoid()
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), rtol=1e-5)


def test_a_bias_for_each_class_where_one_decides(start):
    with pytest.raises(ValueError, match='whose objectness has the foreground prior; leave class_wise out'):
        start(tiny_detector('yolox'), hook(1e-3, class_wise=True))


def test_no_bias_by_class_starts_from_less_loss():
    """Of all biases of two classes, those of their priors have the least cross entropy; 6 and 2 anchors are theirs."""
    anchors, counts = 400, np.array([6, 2])
    prior = foreground_prior(int(counts.sum()), anchors, 2)

    def cross_entropy(biases):
        return sum(count * np.logaddexp(0, -bias) + (anchors - count) * np.logaddexp(0, bias)
                   for count, bias in zip(counts, biases, strict=True))

    best = [optimal_bias(value) for value in class_priors(prior, counts)]
    for moved in ([0.05, 0], [-0.05, 0], [0, 0.05], [0, -0.05]):
        assert cross_entropy(best) < cross_entropy(np.add(best, moved))
    assert cross_entropy(best) < cross_entropy([optimal_bias(prior)] * 2)
