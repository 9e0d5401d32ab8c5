"""Every loss on the heads that it names: it trains their class logits, and detections have its scores."""

import copy

import numpy as np
import pytest
import torch
from mmdet.models.losses import FocalLoss, QualityFocalLoss
from mmdet.registry import MODELS

from imbdet.classes import ClassCounts
from imbdet.cli.doctor_model import check_heads as check_heads_of_doctor
from imbdet.heads import find_class_layers, find_predictions
from imbdet.losses import FederatedLoss
from imbdet.losses.put_in import put_in
from imbdet.losses.supported_heads import check_heads, why_not
from imbdet.sampling_free.config_prior import measure_config_priors
from imbdet.training.class_counts_hook import asking_modules

from ..contracts.test_losses import BOX, DENSE
from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, training_config, write_training_set

FAMILIES = ('retinanet', 'fcos', 'atss', 'paa', 'gfl', 'vfnet', 'rtmdet', 'yolox', 'deformable-detr', 'dino', 'yolof')
QUALITIES = ('gfl', 'rtmdet')  # heads that hand qualities over as pairs
COUNTS = ClassCounts(np.array([8, 6, 2]), np.array([14, 8, 2]), 8)
GUMBEL = {  # why others are not supported
    'gfl': 'takes sigmoids for scores', 'yolox': 'takes sigmoids for scores', 'deformable-detr': 'takes sigmoids for scores',
    'dino': 'takes sigmoids for scores', 'paa': 'takes sigmoids for scores', 'rtmdet': 'assigns by scores'}
BOX_LOSSES = {**BOX, **{name: DENSE[name] for name in ('equalization', 'drop', 'gumbel')},
              'balanced sigmoids': DENSE['balanced sigmoids'],
              'federated': dict(type='FederatedLoss', loss=dict(type='CrossEntropyLoss', use_sigmoid=True), num_kept=2)}


@pytest.fixture(scope='module')
def batch(tmp_path_factory):
    """Images as a data set gives them."""
    folder = tmp_path_factory.mktemp('heads')
    write_training_set(folder, num_images=2)
    return next(iter(make_runner(folder, tiny_detector('retinanet'), flip=0.0).train_dataloader))


def prepare(detector):
    """Give all losses what a Runner's hooks would."""
    for _, module in asking_modules(detector):
        module.set_class_counts(COUNTS)
    for module in detector.modules():
        if isinstance(module, FederatedLoss):
            module.start_step(torch.ones(3, dtype=torch.bool), 0)


def train(detector, batch):
    """Compute the losses of a step and their gradients; return the classification losses by name."""
    torch.manual_seed(0)
    detector.train().zero_grad()
    losses = detector(**detector.data_preprocessor(copy.deepcopy(batch), True), mode='loss')
    detector.parse_losses(losses)[0].backward()
    return {name: sum(loss) if isinstance(loss, list) else loss for name, loss in losses.items() if 'cls' in name}


def predict(detector, batch):
    detector.eval()
    with torch.no_grad():
        samples = detector(**detector.data_preprocessor(copy.deepcopy(batch), False), mode='predict')
    return [sample.pred_instances for sample in samples]


def check_step(detector, batch):
    prepare(detector)
    losses = train(detector, batch)
    assert all(loss.isfinite().all() for loss in losses.values())
    for each in find_class_layers(detector):
        assert each.layer.weight.grad.isfinite().all()
        assert each.layer.weight.grad.any()
    for found in predict(detector, batch):
        assert ((found.scores >= 0) & (found.scores <= 1)).all()
        assert (found.labels < 3).all()


@pytest.fixture(scope='module', params=FAMILIES)
def family(request, batch):
    """The name of a family, a detector of it, whose loss is exchanged, and images."""
    torch.manual_seed(0)
    queries = dict(test_cfg=dict(max_per_img=20)) if request.param in ('deformable-detr', 'dino') else {}
    detector = MODELS.build(tiny_detector(request.param, **queries))
    detector.init_weights()
    return request.param, detector, batch


@pytest.mark.parametrize('case', DENSE)
def test_dense_heads(family, case):
    name, detector, batch = family
    config = copy.deepcopy(DENSE[case])
    if name in QUALITIES and 'loss' in config:
        config['loss'] = dict(type='QualityFocalLoss', use_sigmoid=True)
    if name == 'vfnet' and config.get('type') == 'ClassWeighted':
        config['loss'] = dict(type='VarifocalLoss', use_sigmoid=True)
    if name == 'yolox':  # which divides by its positives itself
        config.get('loss', config).update(reduction='sum')
    detector.bbox_head.loss_cls = MODELS.build(config)
    if case == 'gumbel' and name in GUMBEL:
        with pytest.raises(ValueError, match=f'GumbelLoss does not support bbox_head, a .*: .*{GUMBEL[name]}'):
            check_heads(detector)
        return
    check_heads(detector)
    check_step(detector, batch)


@pytest.mark.parametrize('case', BOX_LOSSES)
@pytest.mark.parametrize('name', ['faster-rcnn', 'cascade-rcnn'])
def test_box_heads(name, case, batch):
    config = tiny_detector(name)
    heads = config.roi_head.bbox_head
    for head in heads if isinstance(heads, list) else [heads]:
        head.loss_cls = copy.deepcopy(BOX_LOSSES[case])
    torch.manual_seed(0)
    detector = MODELS.build(config)
    detector.init_weights()
    check_heads(detector)
    check_step(detector, batch)


@pytest.mark.parametrize(('name', 'plain'), [('retinanet', FocalLoss()), ('gfl', QualityFocalLoss(beta=2.0)), ('dino', None)])
def test_equalized_focal_begins_as_mmdet_s(name, plain, batch):
    """On all levels and decoder layers, the first step is that of the focal loss."""
    detector = MODELS.build(tiny_detector(name))
    detector.init_weights()
    head = detector.bbox_head
    expected = train(detector, batch)
    head.loss_cls = MODELS.build(dict(type='EqualizedFocalLoss', loss_weight=head.loss_cls.loss_weight))
    prepare(detector)
    found = train(detector, batch)
    assert found.keys() == expected.keys()
    for key, loss in found.items():
        torch.testing.assert_close(loss, expected[key], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(('name', 'loss_cls', 'reason'), [
    ('retinanet', dict(type='EqualizedFocalLoss'), r'write use_sigmoid=True in its loss_cls, where the head reads it'),
    ('retinanet', dict(type='SynchronizedSeesawLoss'), 'has not the outputs of a box head'),
    ('tood', dict(type='EqualizedFocalLoss', use_sigmoid=True), 'hands probabilities to its loss'),
    ('yolox', dict(type='EqualizedFocalLoss', use_sigmoid=True), "write reduction='sum' in loss_cls"),
    ('yolox', dict(type='BalancedSoftmaxLoss', reduction='sum'), 'it always takes sigmoids; write use_sigmoid=True'),
    ('gfl', dict(type='FederatedLoss', use_sigmoid=True, loss=dict(type='GumbelLoss')), 'takes sigmoids for scores'),
    ('gfl', dict(type='ClassWeighted', use_sigmoid=True, loss=dict(
        type='FederatedLoss', use_sigmoid=True, loss=dict(type='GumbelLoss'))), 'takes sigmoids for scores'),
    ('yolov3', dict(type='EqualizedFocalLoss', use_sigmoid=True), 'apart, with a mask'),
    ('detr', dict(type='BalancedSoftmaxLoss'), 'a weight of the background'),
    ('deformable-detr', dict(type='SynchronizedSeesawLoss'), 'has not the outputs of a box head'),
    ('dino', dict(type='ClassWeighted', use_sigmoid=True, loss=dict(type='QualityFocalLoss')), 'use FocalLoss in it'),
    ('faster-rcnn', dict(type='EqualizedFocalLoss'), 'divides by the number of all regions'),
    ('faster-rcnn', dict(type='ClassWeighted', use_sigmoid=True, loss=dict(type='FocalLoss')), 'the outputs of a softmax'),
])
def test_unsupported_heads(name, loss_cls, reason):
    config = tiny_detector(name)
    head = config.roi_head.bbox_head if 'roi_head' in config else config.bbox_head
    head.loss_cls = loss_cls
    with pytest.raises(ValueError, match=f'does not support .*: .*{reason}'):
        check_heads(MODELS.build(config))


def test_losses_of_classes_and_boxes_together():
    head = MODELS.build(dict(type='FreeAnchorRetinaHead', num_classes=3, in_channels=16, loss_cls=dict(
        type='EqualizedFocalLoss', use_sigmoid=True)))
    assert why_not(head.loss_cls, head) == 'its loss takes classes and boxes together'


def test_region_proposals_have_no_classes():
    config = tiny_detector('faster-rcnn')
    config.rpn_head.loss_cls = dict(type='EqualizedFocalLoss', use_sigmoid=True)
    with pytest.raises(ValueError, match=r'rpn_head, a RPNHead: region proposals have no classes'):
        check_heads(MODELS.build(config))


def test_a_run_checks_heads(tmp_path):
    write_training_set(tmp_path)
    config = tiny_detector('retinanet')
    config.bbox_head.loss_cls = dict(type='EqualizedFocalLoss')
    with pytest.raises(ValueError, match='write use_sigmoid=True'):
        make_runner(tmp_path, config).train()


def test_hooks_are_put_in_once(tmp_path):
    write_training_set(tmp_path)
    config = tiny_detector('retinanet')
    config.bbox_head.loss_cls = dict(type='FederatedLoss', use_sigmoid=True, loss=dict(
        type='EqualizedFocalLoss', use_sigmoid=True))
    runner = make_runner(tmp_path, config)
    for _ in range(2):
        put_in(runner, 'train')
    names = [type(hook).__name__ for hook in runner.hooks]
    assert names.count('LossStatisticsHook') == names.count('FederationHook') == 1


@pytest.mark.parametrize('name', ['EqualizationLossV2', 'EffectiveClassMarginLoss', 'SynchronizedSeesawLoss'])
def test_ranked_rows_are_not_noted(batch, name):
    """PAA chooses positives by losses of candidates before it computes its loss, of which alone statistics are."""
    detector = MODELS.build(tiny_detector('paa'))
    detector.init_weights()
    inner = dict(loss=dict(type='FocalLoss', use_sigmoid=True)) if name == 'SynchronizedSeesawLoss' else {}
    loss = detector.bbox_head.loss_cls = MODELS.build(dict(type=name, use_sigmoid=True, **inner))
    prepare(detector)
    noted = []
    loss.register_forward_hook(
        lambda module, inputs, keywords, output: noted.append((keywords.get('reduction_override'), module.noted.clone())),
        with_kwargs=True)
    train(detector, batch)
    kinds = [kind for kind, _ in noted]
    assert 'none' in kinds
    assert not any(values.any() for kind, values in noted if kind == 'none')
    assert loss.noted.sum() > 0


def test_hard_example_mining(batch):
    """OHEMSampler ranks regions by the loss of each: one number a region, as of the cross entropy."""
    config = tiny_detector('faster-rcnn', train_cfg=dict(rcnn=dict(sampler=dict(type='OHEMSampler', num=16))))
    config.roi_head.bbox_head.loss_cls = dict(type='EqualizationLossV2')
    detector = MODELS.build(config)
    detector.init_weights()
    prepare(detector)
    ranked = []
    detector.roi_head.bbox_head.loss_cls.register_forward_hook(
        lambda module, inputs, keywords, output: ranked.append((len(inputs[0]), output.shape)), with_kwargs=True)
    train(detector, batch)
    of_regions = [(number, shape) for number, shape in ranked if len(shape)]
    assert of_regions
    assert all(shape == (number, ) for number, shape in of_regions)


@pytest.mark.parametrize('loss', [dict(type='GumbelLoss'), dict(type='EqualizationLoss')])
def test_wrapped_losses_answer_heads(loss):
    """What box heads, the initial bias and the checks ask of a loss, the innermost answers."""
    plain = MODELS.build(loss)
    wrapped = MODELS.build(dict(type='ClassWeighted', use_sigmoid=True, loss=dict(
        type='FederatedLoss', use_sigmoid=True, loss=loss)))
    for each in (plain, wrapped):
        assert each.get_cls_channels(3) == 3
    logits = torch.randn(4, 3)
    torch.testing.assert_close(wrapped.get_activation(logits), plain.get_activation(logits))
    assert wrapped.logit_of(0.01) == plain.logit_of(0.01)
    assert wrapped.own_activation == plain.own_activation


def test_layers_that_no_loss_chooses():
    head = MODELS.build(dict(type='DoubleConvFCBBoxHead', num_fcs=1, num_convs=1, in_channels=16, conv_out_channels=16,
                             fc_out_channels=16, num_classes=3, loss_cls=dict(type='EqualizationLoss')))
    assert why_not(head.loss_cls, head) == 'it has 4 outputs whatever the loss, which needs 3'


def test_seesaw_compares_sigmoids():
    with pytest.raises(ValueError, match='not the scores of GumbelLoss'):
        MODELS.build(dict(type='SynchronizedSeesawLoss', use_sigmoid=True, loss=dict(type='GumbelLoss')))


@pytest.mark.parametrize('loss', [DENSE['federated'], DENSE['class weights, focal'], DENSE['seesaw of sigmoids']])
def test_a_wrapped_loss_is_no_head(loss):
    """For DatasetEquityHook, which weights whatever has a loss."""
    config = tiny_detector('retinanet')
    config.bbox_head.loss_cls = copy.deepcopy(loss)
    found, refused = find_predictions(MODELS.build(config), 'all')
    assert [each.name for each in found] == ['bbox_head']
    assert not refused


def test_doctor_says_so():
    config = tiny_detector('retinanet')
    config.bbox_head.loss_cls = dict(type='EqualizedFocalLoss')
    with pytest.raises(ValueError, match='write use_sigmoid=True in its loss_cls'):
        list(check_heads_of_doctor(MODELS.build(config), []))


def test_priors_of_a_config(tmp_path):
    """Measured without a training, as a report does: the loss has its counts."""
    write_training_set(tmp_path)
    config = tiny_detector('retinanet')
    config.bbox_head.loss_cls = dict(type='EqualizationLossV2', use_sigmoid=True)
    priors = measure_config_priors(training_config(tmp_path, config), num_batches=1)
    assert 0 < priors.records['bbox_head']['prior'] < 1
