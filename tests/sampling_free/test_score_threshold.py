import json

import numpy as np
import pytest
import torch
from mmengine.runner import Runner

from imbdet.sampling_free import ClassAdaptiveThresholdHook, class_score_thresholds

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, training_config, write_training_set


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


def set_score_thr(detector, value):
    for head in (getattr(detector, 'bbox_head', None), getattr(detector, 'roi_head', None)):
        if head is not None:
            head.test_cfg.score_thr = value


@pytest.mark.parametrize(('name', 'prior'), [('retinanet', 1e-2), ('fcos', 1e-2), ('faster-rcnn', 0.25), ('mask-rcnn', 0.25),
                                             ('cascade-rcnn', 0.25), ('yolox', 1e-4)])
def test_detections_equal_a_filter_by_hand(name, prior, tmp_path):
    boxes = sum(len(image) for image in write_training_set(tmp_path).values())
    runner = make_runner(tmp_path, tiny_detector(name))
    runner.model.init_weights()
    runner.model.eval()
    batch = next(iter(runner.train_dataloader))
    counts = [0, 0, 0]
    for annotation in json.loads((tmp_path / 'train.json').read_text())['annotations']:
        counts[annotation['category_id']] += 1
    thresholds = [prior * 3 * count / boxes for count in counts]

    def predict():
        with torch.no_grad():
            return [sample.pred_instances for sample in runner.model.test_step(batch)]

    set_score_thr(runner.model, min(thresholds))
    everything = predict()
    set_score_thr(runner.model, 0.05)
    hook = ClassAdaptiveThresholdHook(prior)
    for _ in range(2):  # as a runner does that trains and then tests
        hook.before_run(runner)
    dropped = 0
    for found, before in zip(predict(), everything, strict=True):
        kept = [index for index, (score, label) in enumerate(zip(before.scores.tolist(), before.labels.tolist(), strict=True))
                if score >= np.float32(thresholds[label])]
        dropped += len(before) - len(kept)
        assert found.bboxes.tolist() == before.bboxes[kept].tolist()
        assert found.labels.tolist() == before.labels[kept].tolist()
        assert ('masks' in found) == (name == 'mask-rcnn')
    assert 0 < dropped < sum(map(len, everything))
    assert isinstance(runner.model(**runner.model.data_preprocessor(batch, True), mode='loss'), dict)


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


def test_what_it_cannot_serve(tmp_path):
    write_training_set(tmp_path)
    with pytest.raises(ValueError, match=r'in \(0, 1\)'):
        ClassAdaptiveThresholdHook(0.0)
    with pytest.raises(ValueError, match='no test_cfg of RPN has a score_thr'):
        ClassAdaptiveThresholdHook(0.1).before_run(make_runner(tmp_path, tiny_detector('rpn')))
    runner = Runner(tiny_detector('retinanet'), str(tmp_path / 'work'), default_scope='mmdet', experiment_name='no_training')
    with pytest.raises(ValueError, match='counts boxes in the training set, but the config has no train_dataloader'):
        ClassAdaptiveThresholdHook(0.1).before_run(runner)
