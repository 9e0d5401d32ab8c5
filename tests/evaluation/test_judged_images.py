"""Evaluation of a part of a file's images, against the references on a file that holds this part alone."""

import json

import pytest

from imbdet.evaluation import LongTailMetric

from .random_case import data_samples, make_case
from .references import coco_reference, lvis_reference

PART = range(105, 117)


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


def part_of(case, folder):
    """The case of a file that holds some of the images only, in a folder of its own."""
    truth = {**case.truth, **{key: [entry for entry in case.truth[key] if entry[image_id] in PART]
                              for key, image_id in (('images', 'id'), ('annotations', 'image_id'))}}
    folder.mkdir()
    path = folder / 'truth.json'
    path.write_text(json.dumps(truth))
    detections = [found for found in case.detections if found['image_id'] in PART]
    return type(case)(**{**vars(case), 'path': path, 'truth': truth, 'detections': detections})


def metric_of(case, **arguments):
    metric = LongTailMetric(ann_file=str(case.path), frequency=dict.fromkeys(case.classes, 'f'), **arguments)
    metric.dataset_meta = {'classes': case.classes}
    return metric


def evaluate(metric, samples):
    metric.process({}, samples)
    return metric.evaluate(len(samples))


@pytest.mark.parametrize(('style', 'kind'), [('lvis', 'bbox'), ('coco', 'bbox'), ('coco', 'segm')])
def test_a_part_is_judged_as_a_file_of_its_own(case, style, kind, tmp_path, mmengine_log):  # fault 28
    log = mmengine_log()
    samples = data_samples(case, with_masks=kind == 'segm')
    part = [sample for sample in samples if sample['img_id'] in PART]
    alone = part_of(case, tmp_path / 'part')
    expected = {'lvis': lvis_reference, 'coco': coco_reference}[style](alone, kind, tmp_path / 'part')
    metric = metric_of(case, style=style, metric=kind)
    whole = evaluate(metric, samples)
    assert 'judged' not in log.text
    found = evaluate(metric, part)
    assert found[f'{style}/{kind}_AP'] == pytest.approx(expected['AP'], abs=1e-6)
    assert 0 < found[f'{style}/{kind}_AP'] != whole[f'{style}/{kind}_AP']
    assert f'judged 12 of the 30 images of {case.path}' in log.text
    assert evaluate(metric, samples) == whole  # nothing of the part is left


def test_an_image_without_detections_is_judged(case, mmengine_log):
    log = mmengine_log()
    samples = data_samples(case)
    for key in ('bboxes', 'labels', 'scores'):
        samples[0]['pred_instances'][key] = samples[0]['pred_instances'][key][:0]
    evaluate(metric_of(case), samples)
    assert 'judged' not in log.text


def test_what_is_ambiguous_is_refused(case):  # fault 28
    samples = data_samples(case)
    with pytest.raises(ValueError, match=r'2 images were predicted more than once \(first: image 101, 2 times\)'):
        evaluate(metric_of(case), samples + samples[:2])
    samples[3]['img_id'] = 7
    samples[3]['pred_instances'] = {key: value[:0] for key, value in samples[3]['pred_instances'].items()}
    with pytest.raises(ValueError, match=r'truth\.json has no image 7, but there are predictions on it \(1 of 30 images'):
        evaluate(metric_of(case), samples)
    with pytest.raises(ValueError, match=r'no image was predicted'):
        evaluate(metric_of(case), [])
