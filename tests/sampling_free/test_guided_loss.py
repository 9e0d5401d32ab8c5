"""The hook in real trainings of tiny detectors, against the same trainings without it."""

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.runner import Runner

from imbdet.sampling_free import GuidedLossHook

from ..tiny_detectors import DETECTORS, MMDET_CONFIGS, tiny_detector
from ..tiny_training import make_runner, scalars, training_config, write_training_set

# Classification and the regression that guides it; of the DETRs and the stages of Cascade R-CNN further ones.
GUIDED = {
    'yolox': {'loss_obj': ('loss_bbox', )},
    'yolov3': {'loss_conf': ('loss_xy', 'loss_wh')},
    'rpn': {'loss_rpn_cls': ('loss_rpn_bbox', )},
    'faster-rcnn': {'loss_rpn_cls': ('loss_rpn_bbox', ), 'loss_cls': ('loss_bbox', )},
    'mask-rcnn': {'loss_rpn_cls': ('loss_rpn_bbox', ), 'loss_cls': ('loss_bbox', )},
    'cascade-rcnn': {'loss_rpn_cls': ('loss_rpn_bbox', ), **{f's{i}.loss_cls': (f's{i}.loss_bbox', ) for i in range(3)}},
    'detr': {'loss_cls': ('loss_bbox', ), 'd0.loss_cls': ('d0.loss_bbox', )},
    'deformable-detr': {'loss_cls': ('loss_bbox', ), 'd0.loss_cls': ('d0.loss_bbox', )},
    'dino': {f'{prefix}loss_cls': (f'{prefix}loss_bbox', ) for prefix in ('', 'd0.', 'enc_', 'dn_', 'd0.dn_')},
}


@pytest.fixture
def train(tmp_path):
    """A function that trains and returns what was logged, by iteration."""
    write_training_set(tmp_path)

    def run(model, *hooks, **keys):
        work_dir = tmp_path / f'work_{len(list(tmp_path.glob("work_*")))}'
        make_runner(tmp_path, model, hooks, work_dir=str(work_dir), **keys).train()
        return scalars(work_dir)

    return run


def guided(**keys):
    return dict(type='GuidedLossHook', **keys)


@pytest.mark.parametrize('name', DETECTORS)
def test_every_head(name, train):
    """In the first iteration, where weights are equal, only the classification losses differ, and are as the formula says."""
    plain = train(tiny_detector(name), max_iters=1)[0]
    log = train(tiny_detector(name), guided(scale=0.5), max_iters=2)
    assert len(log) == 2
    assert all(value == value for line in log for value in line.values())
    pairs = GUIDED.get(name, {'loss_cls': ('loss_bbox', )})
    weights = {key for key in log[0] if 'guided_weight' in key}
    assert weights == {key.replace('loss', 'guided_weight') for key in pairs}
    for key in plain:
        if 'loss' in key and key != 'loss':
            ratio = sum(plain[partner] for partner in pairs[key]) / plain[key] if key in pairs else 2
            assert log[0][key] == pytest.approx(0.5 * ratio * plain[key], rel=1e-4)
            if key in pairs:
                assert log[0][key.replace('loss', 'guided_weight')] == pytest.approx(0.5 * ratio, rel=1e-4)
    assert log[0]['loss'] == pytest.approx(sum(value for key, value in log[0].items() if 'loss' in key and key != 'loss'),
                                           rel=1e-4)


def detector_and_batch(folder, hook, name='retinanet', num_boxes=3):
    """A detector with the hook attached, a batch, and the runner."""
    write_training_set(folder, num_boxes=num_boxes)
    runner = make_runner(folder, tiny_detector(name))
    runner.model.init_weights()
    hook.before_train(runner)
    batch = next(iter(runner.train_dataloader))
    return runner.model, runner.model.data_preprocessor(batch, True), runner


def test_no_gradient_through_the_ratio(tmp_path):
    hook = GuidedLossHook()
    detector, batch, runner = detector_and_batch(tmp_path, hook)
    loss, _ = detector.parse_losses(detector(**batch, mode='loss'))
    gradients = torch.autograd.grad(loss, detector.parameters())
    hook.after_train(runner)  # detached: the same losses without it
    losses = detector(**batch, mode='loss')
    regression, classification = sum(losses['loss_bbox']), sum(losses['loss_cls'])
    ratio = regression.item() / classification.item()
    expected = torch.autograd.grad(regression + ratio * classification, detector.parameters())
    for name, value, reference in zip(dict(detector.named_parameters()), gradients, expected, strict=True):
        torch.testing.assert_close(value, reference, rtol=1e-4, atol=1e-7, msg=name)


def test_other_modes_are_left_alone(tmp_path):
    detector, batch, _ = detector_and_batch(tmp_path, GuidedLossHook())
    detector.eval()
    assert len(detector(**batch, mode='predict')) == 2
    assert isinstance(detector(**batch, mode='tensor'), tuple)


@pytest.mark.parametrize(('name', 'keys'), [
    ('retinanet', {}), ('retinanet', dict(momentum=0.1)), ('retinanet', dict(freeze_after=5)), ('fcos', dict(pairs='all')),
    ('faster-rcnn', {}), ('yolox', {}), ('detr', {})])
def test_no_positive_in_the_batch(name, keys, tmp_path):  # fault 21
    """Losses are finite and classification weighs nothing; every parameter still has a gradient, as DDP asks."""
    detector, batch, _ = detector_and_batch(tmp_path, GuidedLossHook(**keys), name, num_boxes=0)
    detector.train()
    loss, log = detector.parse_losses(detector(**batch, mode='loss'))
    loss.backward()
    assert all(value.isfinite() for value in log.values())
    pairs = GUIDED.get(name, {'loss_cls': ('loss_bbox', )})
    for key in pairs:
        assert (log[key], log[key.replace('loss', 'guided_weight')]) == (0, 0)
    gradients = {key: value.grad for key, value in detector.named_parameters() if value.requires_grad}
    assert [key for key, gradient in gradients.items() if gradient is None] == []
    assert all(gradient.isfinite().all() for gradient in gradients.values())


@pytest.mark.parametrize('keys', [dict(momentum=0.5), dict(freeze_after=3), dict(average_over=2)])
def test_a_resume_goes_on_with_the_same_ratio(keys, tmp_path):
    write_training_set(tmp_path / 'whole', num_images=2)  # one batch: the same in every iteration
    write_training_set(tmp_path / 'stopped', num_images=2)
    logs = {}
    for name, parts in (('whole', [4]), ('stopped', [2, 4])):
        for index, max_iters in enumerate(parts):
            config = training_config(tmp_path / name, tiny_detector('retinanet'), [guided(**keys)], max_iters, lr=0.1,
                                     flip=0)
            config.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_iters)
            config.default_hooks.checkpoint.by_epoch = True
            config.log_processor.by_epoch = True
            config.update(resume=index > 0, experiment_name=f'{tmp_path.name}_{name}_{index}')
            Runner.from_cfg(config).train()
        logs[name] = [line['guided_weight_cls'] for line in scalars(tmp_path / name / 'work')]
    assert logs['stopped'] == pytest.approx(logs['whole'], rel=1e-6)
    assert len(set(logs['whole'])) == {'average_over': 3, 'freeze_after': 3}.get(next(iter(keys)), 4)


def test_a_loaded_checkpoint_brings_no_average(tmp_path, train):
    first = train(tiny_detector('retinanet'), guided(freeze_after=1), max_iters=2)
    assert first[1]['guided_weight_cls'] == first[0]['guided_weight_cls']
    again = train(tiny_detector('retinanet'), guided(freeze_after=1), max_iters=1, lr=0.1,
                  load_from=str(tmp_path / 'work_0/iter_2.pth'))
    assert again[0]['guided_weight_cls'] != first[1]['guided_weight_cls']


@pytest.mark.parametrize(('name', 'pairs', 'message'), [
    ('retinanet', dict(loss_cls='loss_box'), r'found no loss_box among the losses loss_cls, loss_bbox; name them in pairs='),
    ('retinanet', dict(loss_rpn_cls=['loss_bbox']), r'found no loss_rpn_cls among'),
    ('retinanet', {}, r'found no pair among the losses loss_cls, loss_bbox'),
])
def test_pairs_that_are_not_there(name, pairs, message, train):
    with pytest.raises(ValueError, match=message):
        train(tiny_detector(name), guided(pairs=pairs))


def test_pairs_of_ones_own(train):
    log = train(tiny_detector('fcos'), guided(pairs=dict(loss_cls=['loss_bbox', 'loss_centerness'])), max_iters=1)[0]
    assert log['loss_cls'] == pytest.approx(log['loss_bbox'] + log['loss_centerness'], rel=1e-4)


def test_the_mean_of_all_other_losses(train):
    """The ratio of the release of 2021: sum(losses[1:]) / (number - 1) / losses[0]."""
    log = train(tiny_detector('fcos'), guided(pairs='all'), max_iters=1)[0]
    assert log['loss_cls'] == pytest.approx((log['loss_bbox'] + log['loss_centerness']) / 2, rel=1e-4)


@pytest.mark.parametrize('name', ['faster-rcnn', 'cascade-rcnn'])
def test_a_scale_for_each_pair(name, train):
    scales = {'loss_cls': 2.0} if name == 'faster-rcnn' else {'s1.loss_cls': 2.0, 's2.loss_cls': 3.0}
    log = train(tiny_detector(name), guided(scale=scales), max_iters=1)[0]
    for classification, (regression, ) in GUIDED[name].items():
        assert log[classification] == pytest.approx(scales.get(classification, 1) * log[regression], rel=1e-4)


def test_a_scale_of_nothing(train):
    with pytest.raises(ValueError, match=r'scale names loss_clss; the guided losses are loss_rpn_cls, loss_cls'):
        train(tiny_detector('faster-rcnn'), guided(scale=dict(loss_clss=2.0)))


def test_two_stages_are_never_frozen(train, capfd):
    """As in the authors' code; average_over freezes them."""
    weights = {key: [line['guided_weight_rpn_cls'] for line in train(
        tiny_detector('faster-rcnn'), guided(**{key: 1}), max_iters=3, lr=0.1, log_level='INFO')]
        for key in ('freeze_after', 'average_over')}
    assert len(set(weights['freeze_after'])) == 3
    assert weights['average_over'] == weights['average_over'][:1] * 3
    assert 'freeze_after does nothing here' in ''.join(capfd.readouterr())


def test_an_rpn_of_guided_anchors_is_not_frozen_either(tmp_path, capfd):
    """mmdet's GARPNHead is not derived from its RPNHead."""
    config = Config.fromfile(MMDET_CONFIGS / 'guided_anchoring/ga-rpn_r50-caffe_fpn_1x_coco.py').model
    config.backbone = dict(type='ResNet', depth=18, base_channels=8)
    config.neck.update(in_channels=[8, 16, 32, 64])
    detector = MODELS.build(config)
    runner = Runner(detector, tmp_path, experiment_name='ga_rpn', default_scope='mmdet')
    GuidedLossHook(freeze_after=1).attach_to(runner)
    assert 'freeze_after does nothing here' in ''.join(capfd.readouterr())


@pytest.mark.parametrize('arguments', [dict(scale=0), dict(scale=dict(loss_cls=0)), dict(average_over=0), dict(pairs='some'),
                                       dict(average_over=2, freeze_after=2), dict(scale=-1.0), dict(momentum=0),
                                       dict(momentum=1.5),
                                       dict(freeze_after=0), dict(momentum=0.1, freeze_after=10),
                                       dict(scale=float('nan'))])
def test_arguments_out_of_range(arguments):
    with pytest.raises(ValueError, match='must be above|must be in|must be at least|must be a dict|give one of'):
        GuidedLossHook(**arguments)
