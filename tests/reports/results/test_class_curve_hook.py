"""ClassCurveHook in a training, by the pictures that reach a backend of the visualizer."""

import csv
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

from imbdet.evaluation import ModalityMetric
from imbdet.reports import ClassCurveHook

from ...evaluation.random_case import data_samples, make_case
from ...tiny_detectors import tiny_detector
from ...tiny_training import CLASSES, RUNS, training_config, write_training_set


def train(folder, metric):
    """Train two iterations with a validation after each; return the folder of the run's pictures."""
    write_training_set(folder, num_images=2)
    config = training_config(folder, tiny_detector('retinanet'), hooks=[dict(type='ClassCurveHook')])
    dataset = config.train_dataloader.dataset.to_dict()
    pipeline = [step for step in dataset['pipeline'] if step['type'] != 'RandomFlip']
    config.merge_from_dict(dict(
        val_cfg=dict(type='ValLoop'), train_cfg=dict(val_interval=1), val_evaluator=metric,
        val_dataloader=dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
                            dataset=dict(dataset, test_mode=True, pipeline=pipeline)),
        vis_backends=[dict(type='LocalVisBackend')],
        visualizer=dict(type='DetLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')])))
    config.experiment_name = f'curve_{next(RUNS)}'
    Runner.from_cfg(Config(config.to_dict(), format_python_code=False)).train()
    run, = (path for path in (folder / 'work').iterdir() if path.is_dir())
    return run


def metric(folder, **keys):
    return dict(type='LongTailMetric', ann_file=str(folder / 'train.json'), style='coco', **keys)


def test_a_picture_after_each_validation(tmp_path):
    run = train(tmp_path, metric(tmp_path, train_ann_file=str(tmp_path / 'train.json')))
    pictures = sorted((run / 'vis_data/vis_image').glob('*.png'))
    assert [picture.name for picture in pictures] == ['class_ap_bbox_1.png', 'class_ap_bbox_2.png']
    image = cv2.imread(str(pictures[0]))
    assert image.shape[0] > 300
    # Rare classes are drawn in red; cv2 reads blue, green, red.
    assert (np.abs(image.astype(int) - (0x2b, 0x39, 0xc0)).max(axis=2) < 8).any()
    rows = list(csv.DictReader((run / 'class_ap_bbox.csv').open()))
    assert [row['name'] for row in rows] == list(CLASSES)


def test_classes_whose_training_images_are_not_known(tmp_path):
    run = train(tmp_path, metric(tmp_path, frequency=dict.fromkeys(CLASSES, 'r')))
    assert not list((run / 'vis_data').glob('**/*.png'))
    text = next(run.glob('*.log')).read_text()
    assert 'no class of class_ap_bbox has a number of training images; set train_ann_file of LongTailMetric' in text


def test_every_metric_has_a_name_of_its_own(tmp_path):
    keys = dict(train_ann_file=str(tmp_path / 'train.json'))
    run = train(tmp_path, [metric(tmp_path, **keys), metric(tmp_path, prefix='parts/val', **keys), dict(
        type='CocoMetric', ann_file=str(tmp_path / 'train.json'))])
    names = {picture.name for picture in (run / 'vis_data/vis_image').glob('*_2.png')}
    assert names == {'class_ap_bbox_2.png', 'parts_val_class_ap_bbox_2.png'}
    scalars = [json.loads(line) for line in (run / 'vis_data/scalars.json').read_text().splitlines()]
    assert 'parts/val/bbox_APr' in scalars[-1]


def test_both_cameras(tmp_path):
    case = make_case(tmp_path, num_images=4)
    metric = ModalityMetric(dict(type='LongTailMetric', ann_file=str(case.path)))
    metric.dataset_meta = {'classes': case.classes}
    samples = [{**sample, 'modality': modality} for modality in ('rgb', 'ir') for sample in data_samples(case)]
    metric.process({}, samples)
    metric.evaluate(len(samples))
    visualizer = Visualizer(vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path))
    ClassCurveHook().after_val_epoch(SimpleNamespace(val_evaluator=SimpleNamespace(metrics=[metric]), iter=7,
                                                     visualizer=visualizer))
    assert {picture.name for picture in (tmp_path / 'vis_data/vis_image').iterdir()} == {
        'rgb_class_ap_bbox_7.png', 'ir_class_ap_bbox_7.png'}


def test_without_matplotlib(monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    with pytest.raises(ImportError, match=r"pip install 'imbdet\[plots\]'"):
        ClassCurveHook()
