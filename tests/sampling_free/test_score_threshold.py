import copy
import json
import math

import numpy as np
import pytest
import torch
from mmdet.models.layers import fast_nms, multiclass_nms
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from mmengine.runner import Runner
from torchvision.ops import nms

from imbdet.classes.thresholds_file import ScoreThresholds, write_thresholds
from imbdet.sampling_free import ClassAdaptiveThresholdHook, class_score_thresholds
from imbdet.sampling_free.class_thresholds import ClassThresholds

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, training_config, write_training_set

COUNTS = (20, 3, 1)


def test_worked_values():  # fault 21
    # One anchor in 1000 is foreground; classes have 700, 200 and 100 boxes.
    np.testing.assert_allclose(class_score_thresholds(1e-3 / 3, [700, 200, 100]), [7e-4, 2e-4, 1e-4])
    np.testing.assert_allclose(class_score_thresholds(1e-5, np.full(80, 12)), 1e-5)
    np.testing.assert_allclose(class_score_thresholds(1e-3, [3, 0, 1]), [2.25e-3, 0.75e-3, 0.75e-3])


@pytest.mark.parametrize(('prior', 'counts', 'message'), [
    (0, [1, 2], r'in \(0, 1\)'), (1.5, [1], r'in \(0, 1\)'), (1e-3, [0, 0], 'no class has any')])
def test_bad_arguments(prior, counts, message):  # fault 21
    with pytest.raises(ValueError, match=message):
        class_score_thresholds(prior, counts)


def write_long_tail(folder):
    """Write a training set whose classes have 20, 3 and 1 boxes."""
    write_training_set(folder)
    path = folder / 'train.json'
    content = json.loads(path.read_text())
    for annotation, category in zip(content['annotations'], np.repeat([0, 1, 2], COUNTS).tolist(), strict=True):
        annotation['category_id'] = category
    path.write_text(json.dumps(content))


def thresholds_of(prior):
    """The thresholds, by the formula, in the precision of scores."""
    return [np.float32(prior * 3 * count / sum(COUNTS)) for count in COUNTS]


def deciding_head(detector):
    """The head whose class scores are thresholded."""
    if not hasattr(detector, 'roi_head'):
        return detector.bbox_head
    heads = detector.roi_head.bbox_head
    return heads[-1] if isinstance(heads, torch.nn.ModuleList) else heads


def add_noise(value, generator):
    if isinstance(value, torch.Tensor):
        return value + 1.5 * torch.randn(value.shape, generator=generator)
    return [add_noise(part, generator) for part in value]


def spread_scores(detector):
    """Make the class logits of an untrained detector differ, as those of a trained one do, the same in each call.

    Returns a list that holds what the head put out last.
    """
    last = []

    def spread(head, inputs, outputs):
        logits, *others = outputs
        last[:] = [add_noise(logits, torch.Generator().manual_seed(0)), *others]
        return tuple(last)

    deciding_head(detector).register_forward_hook(spread)
    return last


class Case:
    """A tiny detector with its runner, a batch, and the outputs of its head."""

    def __init__(self, folder, name, **changes):
        write_long_tail(folder)
        self.runner = make_runner(folder, tiny_detector(name, **changes), flip=0.0)
        self.detector = self.runner.model
        self.detector.init_weights()
        self.detector.eval()
        self.batch = {key: value[:1] for key, value in next(iter(self.runner.train_dataloader)).items()}
        self.outputs = spread_scores(self.detector)
        self.regions = []
        if hasattr(self.detector, 'roi_head'):
            extractors = self.detector.roi_head.bbox_roi_extractor
            extractor = extractors[-1] if isinstance(extractors, torch.nn.ModuleList) else extractors
            extractor.register_forward_hook(lambda extractor, inputs, outputs: self.regions.append(inputs[1]))

    @property
    def config(self):
        detector = self.detector
        return detector.roi_head.test_cfg if hasattr(detector, 'roi_head') else detector.bbox_head.test_cfg

    def predict(self):
        with torch.no_grad():
            return [sample.pred_instances for sample in self.detector.test_step(self.batch)]

    def predict_with_hook(self, prior):
        hook = ClassAdaptiveThresholdHook(prior)
        for _ in range(2):  # as a runner does that trains and then tests
            hook.before_run(self.runner)
        found = self.predict()
        hook.after_run(self.runner)
        return found


# Each class by itself, in mmdet: what it finds of a class with the threshold of this class as that of all.


@pytest.mark.parametrize(('name', 'prior'), [
    ('paa', 0.1), ('yolov3', 0.02), ('mask-rcnn', 0.25), ('cascade-rcnn', 0.1)])
def test_each_class_as_mmdet_finds_it_with_that_threshold(name, prior, tmp_path):
    """With limits that cut nothing, a detection of a class depends on those of its class alone."""
    case = Case(tmp_path, name)
    case.config.update(nms_pre=10**6, max_per_img=10**6)
    thresholds = thresholds_of(prior)
    [found] = case.predict_with_hook(prior)
    case.config.score_thr = float(min(thresholds))
    [everything] = case.predict()
    assert len(found) < len(everything)
    for label, threshold in enumerate(thresholds):
        case.config.score_thr = float(threshold)
        [theirs] = case.predict()
        mine, theirs = found[found.labels == label], theirs[theirs.labels == label]
        assert len(mine)
        torch.testing.assert_close(mine.scores, theirs.scores)
        torch.testing.assert_close(mine.bboxes, theirs.bboxes)
        assert ('masks' in mine) == (name == 'mask-rcnn')


# Score by score: a loop over the scores of the head's outputs, torchvision's NMS, and what the limits of the config leave.

LIMITS = dict(nms_pre=40, max_per_img=30)


def kept_scores(scores, thresholds, limit=None):
    """Rows and labels of the scores above the threshold of their class, highest first."""
    kept = [(score, row, label) for row, scores_of_row in enumerate(scores.tolist())
            for label, score in enumerate(scores_of_row) if score > thresholds[label]]
    return sorted(kept, reverse=True)[:limit]


def suppress(candidates, iou, limit, class_agnostic=False):
    """NMS of (score, box, label), in each class by itself; the best of what is left."""
    left = []
    for label in {0} if class_agnostic else {candidate[2] for candidate in candidates}:
        group = [candidate for candidate in candidates if class_agnostic or candidate[2] == label]
        if group:
            indices = nms(torch.stack([box for _, box, _ in group]), torch.tensor([score for score, *_ in group]), iou)
            left += [group[index] for index in indices.tolist()]
    return sorted(left, key=lambda candidate: -candidate[0])[:limit]


def dense_detections(case, thresholds):
    """RetinaNet and FCOS: thresholds and nms_pre on each level, then a centerness multiplies."""
    head, config = case.detector.bbox_head, case.config
    logits, deltas, *factors = case.outputs
    priors = head.prior_generator.grid_priors([level.shape[-2:] for level in logits], device='cpu')
    candidates = []
    for number, level in enumerate(logits):
        def rows(values, width):
            return values[0].permute(1, 2, 0).reshape(-1, width)
        kept = kept_scores(rows(level, 3).sigmoid(), thresholds, config.nms_pre)
        boxes = head.bbox_coder.decode(priors[number], rows(deltas[number], 4), max_shape=(96, 128))
        factor = rows(factors[0][number], 1).sigmoid() if factors else torch.ones(len(boxes), 1)
        candidates += [(score * factor[row].item(), boxes[row], label) for score, row, label in kept
                       if (boxes[row][2:] > boxes[row][:2]).all()]
    return suppress(candidates, config.nms.iou_threshold, config.max_per_img)


def region_detections(case, thresholds):
    """Faster R-CNN: a softmax with the background."""
    head, config = case.detector.roi_head.bbox_head, case.config
    logits, deltas = case.outputs
    regions = case.regions[-1][:, 1:]
    kept = kept_scores(logits.softmax(-1)[:, :3], thresholds)
    boxes = [head.bbox_coder.decode(regions, deltas[:, 4 * label:4 * label + 4], max_shape=(96, 128)) for label in range(3)]
    return suppress([(score, boxes[label][row], label) for score, row, label in kept], config.nms.iou_threshold,
                    config.max_per_img, config.nms.get('class_agnostic', False))


def yolox_detections(case, thresholds):
    """YOLOX: objectness times the most probable class, and no limit; with NMS of all classes together."""
    logits, deltas, objectness = ([level[0].permute(1, 2, 0).flatten(0, 1) for level in part] for part in case.outputs)
    priors = case.detector.bbox_head.prior_generator.grid_priors(
        [level.shape[-2:] for level in case.outputs[0]], device='cpu', with_stride=True)
    candidates = []
    for level in range(3):
        for row, scores in enumerate(logits[level].sigmoid() * objectness[level].sigmoid()):
            score, label = max((score, label) for label, score in enumerate(scores.tolist()))
            x, y, stride, _ = priors[level][row].tolist()
            left, top, width, height = deltas[level][row].tolist()
            width, height, left, top = math.exp(width) * stride, math.exp(height) * stride, left * stride + x, top * stride + y
            if score > thresholds[label]:
                box = [left - width / 2, top - height / 2, left + width / 2, top + height / 2]
                candidates.append((score, torch.tensor(box), label))
    return suppress(candidates, case.config.nms.iou_threshold, None, class_agnostic=True)


def query_detections(case, thresholds):
    """DETR, where a query is of its most probable class; Deformable DETR, where it may be of each."""
    logits, boxes = case.outputs[0][-1, 0], case.outputs[1][-1, 0]
    if case.detector.bbox_head.loss_cls.use_sigmoid:
        kept = kept_scores(logits.sigmoid(), thresholds)
    else:
        scores = logits.softmax(-1)[:, :3]
        kept = kept_scores(torch.where(scores == scores.max(-1, keepdim=True).values, scores, -1), thresholds)
    x, y, width, height = boxes.T
    corners = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], 1) * torch.tensor([128, 96, 128, 96])
    corners = corners.clamp(min=torch.zeros(4), max=torch.tensor([128.0, 96, 128, 96]))
    return [(score, corners[row], label) for score, row, label in kept[:case.config.max_per_img]]


@pytest.mark.parametrize(('name', 'prior', 'by_hand', 'changes'), [
    ('retinanet', 0.2, dense_detections, dict(test_cfg=LIMITS)),
    ('fcos', 0.2, dense_detections, dict(test_cfg=LIMITS)),
    ('faster-rcnn', 0.25, region_detections, dict(test_cfg=dict(rcnn=LIMITS))),
    ('faster-rcnn', 0.25, region_detections, dict(test_cfg=dict(rcnn=dict(LIMITS, nms=dict(class_agnostic=True))))),
    ('yolox', 3e-3, yolox_detections, dict(test_cfg=dict(nms=dict(iou_threshold=0.1, class_agnostic=True)))),
    ('detr', 0.3, query_detections, dict(test_cfg=dict(max_per_img=12))),
    ('deformable-detr', 0.2, query_detections, dict(test_cfg=dict(max_per_img=8)))])
def test_detections_equal_a_loop_over_scores(name, prior, by_hand, changes, tmp_path):
    """Also where the limits cut, and where a frequent class suppresses a rare one: there, a filter afterwards is too late."""
    case = Case(tmp_path, name, **changes)
    thresholds = thresholds_of(prior)
    [found] = case.predict_with_hook(prior)
    expected = by_hand(case, thresholds)
    assert found.labels.tolist() == [label for _, _, label in expected]
    torch.testing.assert_close(found.scores, torch.tensor([score for score, *_ in expected]))
    torch.testing.assert_close(found.bboxes, torch.stack([box for _, box, _ in expected]), rtol=1e-4, atol=1e-3)

    case.config.score_thr = float(min(thresholds))
    [everything] = case.predict()
    filtered = [score for score, label in zip(everything.scores.tolist(), everything.labels.tolist(), strict=True)
                if score > thresholds[label]]
    assert len(filtered) < len(expected)
    if 'detr' in name:  # whose top-k also takes what is below the thresholds, if there is room
        case.config.max_per_img = 20
        [found] = case.predict_with_hook(prior)
        expected = [label for _, _, label in by_hand(case, thresholds)]
        assert found.labels.tolist() == expected
        assert 8 < len(expected) < 20


def test_rare_detections_survive_frequent_ones(tmp_path):
    """150 detections of a frequent class with a score of 0.015, 10 of a rare one with 0.002, and room for 100."""
    case = Case(tmp_path, 'retinanet')
    assert case.config.max_per_img == 100
    logit = {score: math.log(score / (1 - score)) for score in (0.015, 0.002)}

    def place(head, inputs, outputs):
        logits, deltas = ([torch.zeros_like(level) for level in part] for part in outputs)
        for level in logits:
            level.fill_(-20)
        deltas[0][:, 2:4] = -10  # small boxes, of the first anchor in each of the 192 cells
        first = logits[0].view(len(logits[0]), 27, -1)
        first[:, 0, :150] = logit[0.015]
        first[:, 2, 150:160] = logit[0.002]
        return logits, deltas

    case.detector.bbox_head.register_forward_hook(place)
    [found] = case.predict_with_hook(0.01)  # the thresholds are 0.025, 0.00375 and 0.00125
    assert found.labels.tolist() == [2] * 10
    torch.testing.assert_close(found.scores, torch.full((10, ), 0.002))
    case.config.score_thr = 0.00125
    assert case.predict()[0].labels.tolist() == [0] * 100


# What goes where a score_thr goes.

THRESHOLDS = torch.tensor([0.5, 0.25, 0.125])


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.float64])
def test_comparisons(dtype):
    scores = torch.rand(7, 3, generator=torch.Generator().manual_seed(0)).to(dtype)
    scores[0] = THRESHOLDS  # mmdet's comparison leaves out what equals a threshold
    expected = torch.tensor([[score > threshold for score, threshold in zip(row, THRESHOLDS.tolist(), strict=True)]
                             for row in scores.tolist()])
    assert 0 < expected.sum() < 21
    assert not expected[0].any()
    assert torch.equal(scores > ClassThresholds(THRESHOLDS), expected)
    assert torch.equal(scores.expand(2, 7, 3) > ClassThresholds(THRESHOLDS), expected.expand(2, 7, 3))
    assert torch.equal(scores.t() > ClassThresholds(THRESHOLDS, 'columns'), expected.t())
    assert torch.equal(scores.reshape(-1) > ClassThresholds(THRESHOLDS, 'flat'), expected.reshape(-1))
    with_background = torch.cat([scores, torch.ones(7, 1, dtype=dtype)], 1) > ClassThresholds(THRESHOLDS, 'flat')
    assert torch.equal(with_background, torch.cat([expected, torch.zeros(7, 1, dtype=bool)], 1))
    for layout, shape in (('rows', (0, 3)), ('flat', (0, )), ('columns', (3, 0))):
        assert (torch.empty(shape) > ClassThresholds(THRESHOLDS, layout)).shape == shape


@pytest.mark.parametrize(('layout', 'shape'), [
    ('rows', (7, )), ('rows', (9, )), ('rows', (7, 2)), ('rows', (3, 7)), ('flat', (7, )), ('columns', (7, 3)),
    ('columns', (3, ))])
def test_scores_of_unknown_classes(layout, shape):
    with pytest.raises(ValueError, match=rf'thresholds of 3 classes cannot be compared with scores of shape \({shape[0]},'):
        _ = torch.rand(shape) > ClassThresholds(THRESHOLDS, layout)


def test_in_mmdets_functions():
    """The boxes overlap: multiclass_nms keeps the best of each class above its threshold; heads copy their test_cfg before."""
    scores = torch.tensor([[0.4, 0.3, 0.1, 0], [0.6, 0.2, 0.2, 0], [0.55, 0.1, 0.15, 0]])
    config = copy.deepcopy(ConfigDict(score_thr=ClassThresholds(THRESHOLDS, 'flat')))
    boxes = torch.tensor([[0.0, 0, 10, 10]]).expand(3, 4)
    detections, labels = multiclass_nms(boxes, scores, config.score_thr, dict(type='nms', iou_threshold=0.5), 2)
    assert list(zip(labels.tolist(), detections[:, 4].tolist(), strict=True)) == [
        (0, pytest.approx(0.6)), (1, pytest.approx(0.3))]
    config.score_thr = ClassThresholds(THRESHOLDS, 'columns')
    detections, labels, _ = fast_nms(boxes, scores, torch.zeros(3, 1), config.score_thr, 0.5, 200, 100)
    assert list(zip(labels.tolist(), detections[:, 4].tolist(), strict=True)) == [
        (0, pytest.approx(0.6)), (1, pytest.approx(0.3)), (2, pytest.approx(0.2))]


# What is left behind.


def test_the_configs_are_as_they_were(tmp_path):
    """Only while it predicts does the detector have other thresholds; nothing reaches the config of the run."""
    case = Case(tmp_path, 'faster-rcnn')
    before, text = case.config.to_dict(), case.runner.cfg.pretty_text
    seen = []
    case.detector.backbone.register_forward_pre_hook(lambda *_: seen.append(case.config.score_thr))
    hook = ClassAdaptiveThresholdHook(0.1)
    hook.before_run(case.runner)
    data = case.detector.data_preprocessor(case.batch, True)
    for mode, kind in (('loss', float), ('tensor', float), ('predict', ClassThresholds), ('loss', float)):
        with torch.no_grad():
            case.detector(**data, mode=mode)
        assert isinstance(seen.pop(), kind)
        assert case.config.to_dict() == before
    assert case.runner.cfg.pretty_text == text

    def fail(*_):
        raise RuntimeError('no more')

    handle = case.detector.neck.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match='no more'):
        case.predict()
    handle.remove()
    assert isinstance(seen.pop(), ClassThresholds)
    assert case.config.to_dict() == before
    case.detector(**data, mode='loss')
    assert seen.pop() == 0.05
    case.predict()
    assert case.config.to_dict() == before


def test_masks_act_only_while_it_predicts(tmp_path):
    case = Case(tmp_path, 'yolox')
    data = case.detector.data_preprocessor(case.batch, True)
    features = case.detector.extract_feat(data['inputs'])
    before = case.detector.bbox_head(features)
    hook = ClassAdaptiveThresholdHook(0.5)
    hook.before_run(case.runner)
    assert sum(map(len, case.predict())) == 0
    for one, other in zip(before[2], case.detector.bbox_head(features)[2], strict=True):
        assert torch.equal(one, other)


def test_with_augmentation_in_the_test(tmp_path):
    """mmdet's DetTTAModel is around the detector, and merges what it finds in each view."""
    case = Case(tmp_path, 'retinanet')
    views = {key: [value, value] for key, value in case.batch.items()}
    for view in views['data_samples']:
        view[0].set_metainfo(dict(flip=False, flip_direction=None))
    [expected] = case.predict_with_hook(0.1)
    config = ConfigDict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100)
    case.runner.model = MODELS.build(dict(type='DetTTAModel', module=case.detector, tta_cfg=config))
    hook = ClassAdaptiveThresholdHook(0.1)
    hook.before_run(case.runner)
    with torch.no_grad():
        [found] = [sample.pred_instances for sample in case.runner.model.test_step(views)]
    assert found.scores.tolist() == expected.scores.tolist()
    assert found.labels.tolist() == expected.labels.tolist()


def test_in_validation_and_test(tmp_path):
    """Scores of about 0.01, which the config's threshold of 0.05 would drop, are filtered by class."""
    write_training_set(tmp_path)
    config = training_config(tmp_path, tiny_detector('retinanet'), [
        dict(type='ClassAdaptiveThresholdHook', prior=1e-2)], max_iters=1, lr=0.0)
    loader = {**config.train_dataloader, 'sampler': dict(type='DefaultSampler', shuffle=False)}
    evaluator = dict(type='CocoMetric', ann_file=str(tmp_path / 'train.json'), outfile_prefix=str(tmp_path / 'found'))
    for key, value in dict(dataloader=loader, evaluator=evaluator).items():
        config[f'val_{key}'] = config[f'test_{key}'] = value
    config.val_cfg, config.test_cfg = dict(type='ValLoop'), dict(type='TestLoop')
    runner = Runner.from_cfg(config)
    annotations = json.loads((tmp_path / 'train.json').read_text())['annotations']
    counts = np.bincount([annotation['category_id'] for annotation in annotations], minlength=3)
    thresholds = 1e-2 * 3 * counts / counts.sum()
    for run in (runner.train, runner.test):
        run()
        path = tmp_path / 'found.bbox.json'
        found = json.loads(path.read_text())
        assert {box['category_id'] for box in found} == set(np.flatnonzero(thresholds < 0.0099))
        assert all(box['score'] >= thresholds[box['category_id']] - 1e-6 for box in found)
        path.unlink()


def test_a_prior_from_a_file(tmp_path):
    path = tmp_path / 'foreground_prior.json'
    path.write_text(json.dumps({'rpn_head': {'prior': 1e-3}, 'bbox_head': {'prior': 2e-4}}))
    assert ClassAdaptiveThresholdHook(str(path)).prior == 2e-4
    path.write_text(json.dumps({'rpn_head': {'prior': 1e-3}}))
    with pytest.raises(ValueError, match=r'foreground_prior\.json has 0 priors of a bbox_head'):
        ClassAdaptiveThresholdHook(str(path))


def test_thresholds_from_a_file_by_class_name(tmp_path):
    """What a detector of random weights finds is kept for one class only."""
    write_training_set(tmp_path)
    path = tmp_path / 'thresholds.json'
    write_thresholds(path, ScoreThresholds({'c': 0.0, 'a': 1.0, 'b': 1.0}, 'f1', 0.5))
    runner = make_runner(tmp_path, tiny_detector('retinanet'), flip=0.0)
    batch = next(iter(runner.train_dataloader))
    hook = ClassAdaptiveThresholdHook(thresholds=path)
    hook.before_run(runner)
    runner.model.eval()
    with torch.no_grad():
        found = [sample.pred_instances for sample in runner.model.test_step(batch)]
    assert {label for each in found for label in each.labels.tolist()} == {2}
    with pytest.raises(ValueError, match='needs either prior or thresholds'):
        ClassAdaptiveThresholdHook(0.1, path)
    with pytest.raises(ValueError, match='needs either prior or thresholds'):
        ClassAdaptiveThresholdHook()
    write_thresholds(path, ScoreThresholds({'a': 0.5}, 'f1', 0.5))
    with pytest.raises(ValueError, match='has no threshold for 2 of 3 classes'):
        ClassAdaptiveThresholdHook(thresholds=path).before_run(runner)


def test_what_it_cannot_serve(tmp_path):
    write_training_set(tmp_path)
    with pytest.raises(ValueError, match=r'in \(0, 1\)'):
        ClassAdaptiveThresholdHook(0.0)
    with pytest.raises(ValueError, match='no test_cfg of RPN has a score_thr'):
        ClassAdaptiveThresholdHook(0.1).before_run(make_runner(tmp_path, tiny_detector('rpn')))
    runner = Runner(tiny_detector('retinanet'), str(tmp_path / 'work'), default_scope='mmdet', experiment_name='no_training')
    with pytest.raises(ValueError, match='counts boxes in the training set, but the config has no train_dataloader'):
        ClassAdaptiveThresholdHook(0.1).before_run(runner)
    runner = make_runner(tmp_path, tiny_detector('retinanet', bbox_head=dict(num_classes=4)))
    with pytest.raises(ValueError, match='bbox_head has num_classes=4, but the training set has 3 classes'):
        ClassAdaptiveThresholdHook(0.1).before_run(runner)


class OwnHead(torch.nn.Module):
    """A head of a kind that imbdet cannot know."""

    test_cfg = ConfigDict(score_thr=0.05)


@pytest.mark.parametrize('head', [
    OwnHead(), dict(type='CornerHead', num_classes=3, in_channels=8, test_cfg=dict(score_thr=0.05))])
def test_a_head_whose_comparison_is_not_known(head, tmp_path):
    """CornerHead never looks at the score_thr that mmdet's configs give it."""
    write_training_set(tmp_path)
    runner = make_runner(tmp_path, tiny_detector('retinanet'))
    runner.model.extra = MODELS.build(head) if isinstance(head, dict) else head
    with pytest.raises(ValueError, match=f'extra is a {type(runner.model.extra).__name__}, which is not known to compare'):
        ClassAdaptiveThresholdHook(0.1).before_run(runner)
    assert not runner.model._forward_pre_hooks
