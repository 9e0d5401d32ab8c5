"""LogitShiftHook and calibrated checkpoints on every kind of head: the vector reaches the scores once, in both forms alike."""

import copy

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from torch import nn

from imbdet.calibration import norcal_shift
from imbdet.calibration.calibrated_checkpoint import applied_calibration, calibrate_checkpoint, undo_calibration
from imbdet.calibration.calibrated_layer import calibrated_layers
from imbdet.calibration.calibration_settings import Calibration
from imbdet.calibration.class_statistics import (
    ClassStatistics,
    LayerLogits,
    dataset_statistics,
    read_statistics,
    write_statistics,
)
from imbdet.calibration.collect_logits import collect_logits
from imbdet.calibration.logit_shift_hook import LogitShiftHook
from imbdet.heads import find_class_layers

from ..tiny_detectors import DETECTORS, PRODUCTS, tiny_detector
from ..tiny_training import make_runner, write_training_set

# RPN has no classes; mmdet 3.3's SSDHead cannot predict, for want of a loss_cls (tests/heads/test_class_layers.py has it).
FAMILIES = [*(name for name in DETECTORS if name not in ('rpn', 'ssd')), *PRODUCTS]
SOFTMAX = ('detr', 'faster-rcnn', 'mask-rcnn', 'cascade-rcnn')
STATISTICS = ClassStatistics(['a', 'b', 'c'], [7, 2, 0], [40, 2, 0], 8, [1.9, 1.2, 1.0])


@pytest.fixture
def folder(tmp_path):
    write_training_set(tmp_path)
    write_statistics(tmp_path / 'statistics.json', STATISTICS)
    return tmp_path


class Case:
    """A detector whose scores differ, and images for it."""

    def __init__(self, folder, name, **changes):
        if name in ('detr', 'deformable-detr', 'dino'):
            changes['test_cfg'] = dict(max_per_img=20)  # of 20 queries
        self.folder = folder
        self.runner = make_runner(folder, tiny_detector(name, **changes), flip=0.0)
        self.detector = self.runner.model.eval()
        torch.manual_seed(0)
        if name in ('deformable-detr', 'dino'):
            self.detector.init_weights()  # else their level embeddings are what was in the memory before
        for each in find_class_layers(self.detector):
            nn.init.normal_(each.layer.weight, std=each.layer.weight[0].numel()**-0.5)
        self.batch = next(iter(self.runner.train_dataloader))

    def predict(self):
        """Detections of all images: scores, labels and boxes in a row each."""
        with torch.no_grad():
            samples = self.detector.test_step(copy.deepcopy(self.batch))
        found = [sample.pred_instances for sample in samples]
        return torch.cat([torch.cat([each.scores[:, None], each.labels[:, None], each.bboxes], 1) for each in found])

    def predict_with_hook(self, **settings):
        hook = LogitShiftHook(statistics=self.folder / 'statistics.json', **settings)
        hook.before_run(self.runner)
        found = self.predict()
        hook.after_run(self.runner)
        return found

    def predict_calibrated(self, calibration, statistics=STATISTICS):
        """Detections after the calibrated checkpoint was loaded; then the old weights are back."""
        before = copy.deepcopy(self.detector.state_dict())
        layers = calibrated_layers(self.detector, calibration, statistics)
        checkpoint = calibrate_checkpoint({'state_dict': before}, calibration, layers)
        self.detector.load_state_dict(checkpoint['state_dict'])
        found = self.predict()
        self.detector.load_state_dict(before)
        return found


@pytest.mark.parametrize('name', FAMILIES)
def test_hook_and_checkpoint_detect_the_same(name, folder):
    case = Case(folder, name)
    plain = case.predict()
    hooked = case.predict_with_hook(method='norcal')
    assert hooked.shape != plain.shape or not torch.allclose(hooked, plain, atol=0.01)
    assert torch.equal(case.predict(), plain)
    calibrated = case.predict_calibrated(Calibration('norcal'))
    assert calibrated.shape == hooked.shape
    assert torch.allclose(calibrated, hooked, atol=1e-3, rtol=1e-4)
    assert torch.equal(case.predict(), plain)


SETTINGS = [dict(method='logit-adjustment'), dict(method='logit-adjustment', tau=0.5, counts='boxes', k=-1.0),
            dict(method='fracal'), dict(method='fracal', base=2.0, lam=0.5), dict(method='logn'), dict(method='logn', k=2.0)]


@pytest.mark.parametrize('settings', SETTINGS, ids=str)
@pytest.mark.parametrize('name', ['retinanet', 'faster-rcnn', 'cascade-rcnn', 'yolox', 'deformable-detr'])
def test_every_method_in_both_forms(name, settings, folder):
    case = Case(folder, name)
    statistics = STATISTICS
    if settings['method'] == 'logn':
        logits = collect_logits(case.detector, [case.batch])
        statistics = ClassStatistics(*(getattr(STATISTICS, field) for field in STATISTICS.__struct_fields__[:-1]),
                                     {name: LayerLogits.of(each) for name, each in logits.items()})
        write_statistics(folder / 'statistics.json', statistics)
    hooked = case.predict_with_hook(**settings)
    if settings['method'] == 'fracal' and name not in SOFTMAX:
        with pytest.raises(ValueError, match="FRACAL with sigmoids multiplies .* put dict.type='LogitShiftHook', "):
            case.predict_calibrated(Calibration(**settings))
        return
    calibrated = case.predict_calibrated(Calibration(**settings), statistics)
    assert calibrated.shape == hooked.shape
    assert torch.allclose(calibrated, hooked, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize('name', ['faster-rcnn', 'cascade-rcnn', 'retinanet', 'gfl'])
def test_the_vector_reaches_the_scores_once(name, folder):
    """What mmdet makes detections from: of a cascade the mean over its stages."""
    case = Case(folder, name)
    head = case.detector.roi_head if 'rcnn' in name else case.detector.bbox_head
    head = getattr(head, 'bbox_head', head)
    head = head[-1] if isinstance(head, nn.ModuleList) else head
    seen, original = [], head.predict_by_feat

    def note(*arguments, **keywords):
        logits = keywords['cls_scores'] if 'cls_scores' in keywords else arguments[0]
        if 'rcnn' in name:
            seen.append(torch.cat(list(logits)))
        else:
            seen.append(torch.cat([level.permute(0, 2, 3, 1).reshape(-1, 3) for level in logits]))
        return original(*arguments, **keywords)

    head.predict_by_feat = note
    case.predict()
    case.predict_with_hook(method='norcal', tau=0.7, k=0.25)
    expected = torch.from_numpy(norcal_shift([7, 2, 0], 0.7) + 0.25).float()
    difference = seen[1] - seen[0]
    assert torch.allclose(difference[:, :3], expected.expand(len(difference), 3), atol=1e-4)
    if 'rcnn' in name:
        assert not difference[:, 3].any()


def test_losses_do_not_see_it(folder):
    case = Case(folder, 'retinanet')
    batch = case.detector.data_preprocessor(copy.deepcopy(case.batch), True)
    before = case.detector(**batch, mode='loss')
    hook = LogitShiftHook('norcal', statistics=folder / 'statistics.json')
    hook.before_run(case.runner)
    case.predict()
    after = case.detector(**batch, mode='loss')
    assert torch.equal(torch.stack(before['loss_cls']), torch.stack(after['loss_cls']))


def test_a_prediction_that_failed_does_not_reach_the_next_losses(folder, monkeypatch):
    case = Case(folder, 'retinanet')
    batch = case.detector.data_preprocessor(copy.deepcopy(case.batch), True)
    before = case.detector(**batch, mode='loss')
    hook = LogitShiftHook('norcal', statistics=folder / 'statistics.json')
    hook.before_run(case.runner)
    with monkeypatch.context() as patch:
        patch.setattr(case.detector.bbox_head, 'predict', lambda feats, *_, **__: case.detector.bbox_head(feats) and 1 / 0,
                      raising=False)
        with pytest.raises(ZeroDivisionError):
            case.predict()
    after = case.detector(**batch, mode='loss')
    assert torch.equal(torch.stack(before['loss_cls']), torch.stack(after['loss_cls']))


def test_undo_gives_the_very_values_back(folder):
    case = Case(folder, 'faster-rcnn')
    before = {'state_dict': case.detector.state_dict(), 'meta': {'epoch': 3}, 'optimizer': {},
              'class_counts': {'num_images': 8}}
    logits = {name: LayerLogits.of(each) for name, each in collect_logits(case.detector, [case.batch]).items()}
    statistics = ClassStatistics(*(getattr(STATISTICS, field) for field in STATISTICS.__struct_fields__[:-1]), logits)
    calibration = Calibration('logn', k=0.3)
    changed = calibrate_checkpoint(before, calibration, calibrated_layers(case.detector, calibration, statistics))
    assert applied_calibration(before) is None
    assert applied_calibration(changed) == calibration
    assert set(changed) == {'state_dict', 'meta', 'class_counts'}
    assert not torch.equal(changed['state_dict']['roi_head.bbox_head.fc_cls.weight'], before['state_dict'][
        'roi_head.bbox_head.fc_cls.weight'])
    back = undo_calibration(changed)
    assert back['meta'] == {'epoch': 3}
    assert all(torch.equal(value, back['state_dict'][name]) for name, value in before['state_dict'].items())
    with pytest.raises(ValueError, match='the checkpoint holds no calibration'):
        undo_calibration(back)
    with pytest.raises(ValueError, match=r'calibrated already \(logn: .*\); take that out first with imbdet calibrate --undo'):
        calibrate_checkpoint(changed, calibration, [])


def test_it_survives_a_file(folder):
    case = Case(folder, 'retinanet')
    calibration = Calibration('norcal', tau=0.5)
    changed = calibrate_checkpoint(case.detector.state_dict(), calibration,
                                   calibrated_layers(case.detector, calibration, STATISTICS))
    torch.save(changed, folder / 'calibrated.pth')
    loaded = torch.load(folder / 'calibrated.pth', weights_only=True)
    assert applied_calibration(loaded) == calibration
    with pytest.raises(ValueError, match=r'LogitShiftHook: the checkpoint is calibrated already \(norcal: tau 0.5'):
        LogitShiftHook('norcal').after_load_checkpoint(case.runner, loaded)


def test_a_cosine_layer_gets_a_bias(folder):
    """Its checkpoint has none; a config with one takes the shift, and the shared code says so where it has none."""
    cosine = dict(type='NormedLinear', bias=False)
    without = Case(folder, 'faster-rcnn', roi_head=dict(bbox_head=dict(cls_predictor_cfg=cosine)))
    calibration = Calibration('norcal')
    with pytest.raises(ValueError, match='fc_cls is a NormedLinear without bias.*cls_predictor_cfg=dict.bias=True'):
        without.predict_calibrated(calibration)
    changed = tiny_detector('faster-rcnn', roi_head=dict(bbox_head=dict(cls_predictor_cfg=dict(cosine, bias=True))))
    with_bias = MODELS.build(changed).eval()
    checkpoint = calibrate_checkpoint(without.detector.state_dict(), calibration,
                                      calibrated_layers(with_bias, calibration, STATISTICS))
    hooked = without.predict_with_hook(method='norcal')
    with_bias.load_state_dict(checkpoint['state_dict'])
    without.detector = with_bias
    assert torch.allclose(without.predict(), hooked, atol=1e-3, rtol=1e-4)
    undone = undo_calibration(checkpoint)
    assert 'roi_head.bbox_head.fc_cls.bias' not in undone['state_dict']


def test_a_cosine_layer_cannot_hold_a_scale(folder):
    case = Case(folder, 'faster-rcnn', roi_head=dict(bbox_head=dict(cls_predictor_cfg=dict(type='NormedLinear'))))
    logits = {name: LayerLogits.of(each) for name, each in collect_logits(case.detector, [case.batch]).items()}
    statistics = ClassStatistics(*(getattr(STATISTICS, field) for field in STATISTICS.__struct_fields__[:-1]), logits)
    with pytest.raises(ValueError, match='NormedLinear, which normalizes its weights'):
        case.predict_calibrated(Calibration('logn'), statistics)


def test_shared_branches_are_changed_under_all_names(folder):
    case = Case(folder, 'deformable-detr')
    calibration = Calibration('norcal')
    state = case.detector.state_dict()
    changed = calibrate_checkpoint(state, calibration, calibrated_layers(case.detector, calibration, STATISTICS))
    biases = [value for name, value in changed['state_dict'].items() if 'cls_branches' in name and name.endswith('bias')]
    assert len(biases) == 2
    assert torch.equal(*biases)


def test_statistics_are_those_of_the_training_set(folder):
    """Without a file, the training set of the config is counted."""
    case = Case(folder, 'retinanet')
    statistics = dataset_statistics(case.runner.train_dataloader.dataset)
    hook = LogitShiftHook('norcal')
    hook.before_run(case.runner)
    hooked = case.predict()
    hook.after_run(case.runner)
    assert torch.allclose(hooked, case.predict_calibrated(Calibration('norcal'), statistics), atol=1e-3)
    assert sum(statistics.boxes) == 24
    assert statistics.num_images == 8
    assert np.all(np.array(statistics.dimensions) >= 1)


@pytest.mark.parametrize(('settings', 'message'), [
    (dict(method='norcall'), "method must be one of norcal, logit-adjustment, fracal, logn, got 'norcall'"),
    (dict(method='norcal', lam=1.0), 'lam is a setting of fracal, not of norcal'),
    (dict(method='fracal', tau=1.0), 'tau is a setting of norcal and logit-adjustment, not of fracal'),
    (dict(method='norcal', tau=-1.0), 'tau must be at least 0 and finite, got -1'),
    (dict(method='fracal', base=1.0), 'base must be above 1'),
    (dict(method='fracal', lam=-0.1), 'lam must be at least 0'),
    (dict(method='norcal', k=np.inf), 'k must be finite'),
    (dict(method='norcal', counts='pixels'), "counts must be 'images' or 'boxes', got 'pixels'"),
    (dict(method='logn', counts='boxes'), 'logn counts nothing')
])
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        LogitShiftHook(**settings)


def test_what_it_cannot_do_is_named(folder):
    case = Case(folder, 'retinanet')
    with pytest.raises(ValueError, match='logn needs statistics of the logits of bbox_head.retina_cls'):
        LogitShiftHook('logn', statistics=folder / 'statistics.json').before_run(case.runner)
    write_statistics(folder / 'two.json', ClassStatistics(['a', 'b'], [1, 2], [1, 2], 8, [1.0, 1.0]))
    with pytest.raises(ValueError, match='bbox_head.retina_cls has 3 classes, the statistics have 2'):
        LogitShiftHook('norcal', statistics=folder / 'two.json').before_run(case.runner)
    case.runner.register_hook(LogitShiftHook('norcal'))
    case.runner.register_hook(LogitShiftHook('norcal'))
    with pytest.raises(ValueError, match='the config has several, whose shifts would add up'):
        LogitShiftHook('norcal').before_run(case.runner)


@pytest.mark.parametrize(('text', 'message'), [
    ('{', 'is not a file of class statistics'),
    ('{"names": ["a"], "images": [1], "boxes": [1, 2], "num_images": 2, "dimensions": [1]}', 'got lists of 1, 2 entries'),
    ('{"names": ["a"], "images": [1], "boxes": [2], "num_images": 2, "dimensions": [1], "x": 1}', 'unknown field `x`'),
    ('{"names": ["a"], "images": [1], "boxes": [2], "num_images": 2, "dimensions": [1]}',
     "it has 1, the data set 1; 'a' where the data set has 'b'")
])
def test_bad_statistics_are_named(text, message, tmp_path):
    (tmp_path / 'statistics.json').write_text(text)
    with pytest.raises(ValueError, match=message):
        read_statistics(tmp_path / 'statistics.json', ['b'])
    with pytest.raises(FileNotFoundError, match='no such file of class statistics'):
        read_statistics(tmp_path / 'none.json')


def test_a_product_leaves_boxes_and_objectness_alone(folder):
    """YOLOv3 has them in one layer with the classes; the product of two sigmoids, against their own logit."""
    case = Case(folder, 'yolov3')
    each = calibrated_layers(case.detector, Calibration('fracal', k=0.5), STATISTICS)[0]
    outputs = torch.randn(2, each.layer.num_outputs, 3, 3, dtype=torch.float64)
    found = each.apply(outputs)
    classes = each.layer.channels
    others = [channel for channel in range(each.layer.num_outputs) if channel not in classes.flatten().tolist()]
    assert len(others) == 5 * len(classes)
    assert torch.equal(found[:, others], outputs[:, others])
    for anchor in classes.tolist():
        for label, channel in enumerate(anchor):
            logit = outputs[:, channel]
            product = logit.sigmoid() * (logit + each.product_shift[label]).sigmoid()
            assert torch.allclose(found[:, channel], product.logit() + 0.5)


@pytest.mark.parametrize('settings', [dict(method='norcal'), dict(method='logit-adjustment'), dict(method='fracal'),
                                      dict(method='logn')], ids=str)
def test_k_is_added_to_every_class(settings, folder):
    case = Case(folder, 'faster-rcnn')
    logits = {name: LayerLogits.of(each) for name, each in collect_logits(case.detector, [case.batch]).items()}
    statistics = ClassStatistics(*(getattr(STATISTICS, field) for field in STATISTICS.__struct_fields__[:-1]), logits)
    without, with_it = (calibrated_layers(case.detector, Calibration(**settings, k=k), statistics)[0].shift for k in (0.0, 1.5))
    assert torch.allclose(with_it, without + 1.5)
