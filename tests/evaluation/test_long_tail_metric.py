"""LongTailMetric against lvis-api and pycocotools, run on files by their own means."""

import csv
import json
import logging

import numpy as np
import pytest
from mmdet.registry import METRICS
from mmengine.logging import MMLogger

from imbdet.annotations import AnnotationError
from imbdet.evaluation import LongTailMetric

from ..two_ranks import join_ranks, run_two_ranks
from .random_case import data_samples, make_case
from .references import boundary_reference, coco_reference, lvis_reference, pooled_reference


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


def evaluate(case, samples=None, **arguments):
    metric = LongTailMetric(ann_file=str(case.path), **arguments)
    metric.dataset_meta = {'classes': case.classes}
    samples = data_samples(case, with_masks='segm' in metric.metrics) if samples is None else samples
    metric.process({}, samples)
    return metric.evaluate(len(samples))


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
@pytest.mark.parametrize('seed', [0, 1])
def test_equal_to_lvis(tmp_path, kind, seed):
    case = make_case(tmp_path, seed)
    expected = lvis_reference(case, kind, tmp_path)
    assert 0 < expected['AP'] < 1  # the case distinguishes
    results = evaluate(case, metric=kind)
    assert results == {f'lvis/{kind}_{name}': pytest.approx(value, abs=1e-6) for name, value in expected.items()}


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_equal_to_pycocotools(tmp_path, kind):
    case = make_case(tmp_path, 2)
    expected = coco_reference(case, kind, tmp_path)
    for group in 'rcf':
        members = [category['id'] for category in case.truth['categories'] if category['frequency'] == group]
        expected[f'AP{group}'] = coco_reference(case, kind, tmp_path, members)['AP']
    assert 0 < expected['AP'] < 1
    results = evaluate(case, metric=kind, style='coco')
    assert results == {f'coco/{kind}_{name}': pytest.approx(value, abs=1e-6) for name, value in expected.items()}


def test_the_styles_differ(case):
    assert evaluate(case)['lvis/bbox_AP'] > evaluate(case, style='coco')['coco/bbox_AP']


def test_more_than_300_detections_an_image(tmp_path):  # fault 24
    case = make_case(tmp_path, 3, num_images=4, detections_per_image=700)
    expected = lvis_reference(case, 'bbox', tmp_path)
    assert evaluate(case)['lvis/bbox_AP'] == pytest.approx(expected['AP'], abs=1e-6)
    assert evaluate(case, style='coco')['coco/bbox_AP'] == pytest.approx(coco_reference(case, 'bbox', tmp_path)['AP'],
                                                                         abs=1e-6)


def test_fixed_ap(tmp_path):
    """No image competes, each class counts its best 10,000 of the data set, tied at the cut."""
    case = make_case(tmp_path, 4, num_images=6, num_classes=6, detections_per_image=12500)
    for detection in case.detections:
        detection['score'] = round(detection['score'], 2)
    limited = evaluate(case)
    results = {backend: evaluate(case, fixed_ap=True, backend=backend) for backend in ('hotcoco', 'faster_coco_eval')}
    per_class = {}
    for detection in case.detections:
        per_class.setdefault(detection['category_id'], []).append(detection)
    assert max(map(len, per_class.values())) > 10000
    case.detections = [detection for found in per_class.values()
                       for detection in sorted(found, key=lambda detection: -detection['score'])[:10000]]
    expected = lvis_reference(case, 'bbox', tmp_path, max_dets=-1)
    for found in results.values():
        assert found == {f'lvis_fixed/bbox_{name}': pytest.approx(value, abs=1e-6) for name, value in expected.items()}
        assert found['lvis_fixed/bbox_AP'] > limited['lvis/bbox_AP']


@pytest.mark.parametrize('style', ['lvis', 'coco'])
def test_pooled_ap(tmp_path, style):
    case = make_case(tmp_path, 5, num_images=8, detections_per_image=40)
    expected = pooled_reference(case, style)
    results = evaluate(case, style=style, pooled_ap=True)
    assert results[f'{style}/bbox_AP_pool'] == pytest.approx(expected, abs=1e-6)
    assert abs(expected - results[f'{style}/bbox_AP']) > 0.01  # the two differ
    assert evaluate(case, style=style, pooled_ap=True, backend='faster_coco_eval') == pytest.approx(results)


def test_boundary_ap(tmp_path):
    case = make_case(tmp_path, 6, num_images=6, detections_per_image=30)
    expected = boundary_reference(case, tmp_path)
    results = evaluate(case, metric=['boundary', 'segm'], style='coco')
    assert results['coco/boundary_AP'] == pytest.approx(expected, abs=1e-6)
    assert results['coco/boundary_AP'] < results['coco/segm_AP']


def test_the_log_names_the_backend(case, caplog, tmp_path):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        evaluate(case, backend='lvis')
        assert 'evaluated by lvis in' in caplog.text
        evaluate(case)
        assert 'evaluated by hotcoco in' in caplog.text
        # Only lvis-api supports this key, so it is used instead.
        for box in case.truth['annotations'][::3]:
            box['ignore'] = 1
        case.path.write_text(json.dumps(case.truth))
        results = evaluate(case)
        assert "has objects with 'ignore', which only lvis-api supports" in caplog.text
    finally:
        logger.removeHandler(caplog.handler)
    assert results['lvis/bbox_AP'] == pytest.approx(lvis_reference(case, 'bbox', tmp_path)['AP'], abs=1e-6)


@pytest.mark.parametrize('style', ['lvis', 'coco'])
def test_no_detections(case, style):  # fault 24
    case.detections = []
    results = evaluate(case, metric=['bbox', 'segm'], style=style)
    assert len(results) == 18
    assert set(results.values()) == {0.0}


@pytest.mark.parametrize('style', ['lvis', 'coco'])
def test_group_without_classes_or_ground_truth(case, style):  # fault 24
    frequency = dict.fromkeys(case.classes, 'f')
    results = evaluate(case, style=style, frequency=frequency)
    assert results[f'{style}/bbox_APr'] == results[f'{style}/bbox_APc'] == -1
    assert results[f'{style}/bbox_APf'] == results[f'{style}/bbox_AP']
    frequency[case.classes[-2]] = 'r'  # the class without ground truth alone in its group
    assert evaluate(case, style=style, frequency=frequency)[f'{style}/bbox_APr'] == -1


def _half_of_the_images(rank, folder):
    join_ranks(rank, folder)
    case = make_case(folder / str(rank))
    metric = LongTailMetric(ann_file=str(case.path))
    metric.dataset_meta = {'classes': case.classes}
    samples = data_samples(case)[:29]
    samples = [*samples, samples[0]]  # a distributed sampler fills up with the first
    for sample in samples[rank::2]:
        metric.process({}, [sample])
    results = metric.evaluate(29)
    (folder / f'{rank}.json').write_text(json.dumps(results))


def test_two_processes_equal_one(tmp_path):  # fault 24
    for rank in range(2):
        (tmp_path / str(rank)).mkdir()
    run_two_ranks(_half_of_the_images, tmp_path)
    case = make_case(tmp_path)
    expected = evaluate(case, data_samples(case)[:29])
    for rank in range(2):
        assert json.loads((tmp_path / f'{rank}.json').read_text()) == expected


def test_evaluating_twice_gives_the_same(case):
    metric = LongTailMetric(ann_file=str(case.path), metric=['bbox', 'segm'])
    metric.dataset_meta = {'classes': case.classes}
    results = []
    for _ in range(2):
        metric.process({}, data_samples(case, with_masks=True))
        results.append(metric.evaluate(30))
    assert results[0] == results[1]


def training_file(case, folder):
    """A training file in COCO form, where class_0 is in one image, class_1 in two and so on; its crowds do not count."""
    path = folder / 'train.json'
    boxes = [(image, position) for position in range(len(case.classes)) for image in range(position + 1)]
    annotations = [{'id': index, 'image_id': image, 'category_id': position, 'iscrowd': 0}
                   for index, (image, position) in enumerate(boxes)]
    annotations += [{'id': 1000 + image, 'image_id': image, 'category_id': 0, 'iscrowd': 1} for image in range(1, 9)]
    path.write_text(json.dumps({'images': [{'id': image} for image in range(9)], 'annotations': annotations,
                                'categories': [{'id': position, 'name': name} for position, name in
                                               enumerate(case.classes)]}))
    return str(path)


def test_groups_from_the_training_file(case, tmp_path):
    for category in case.truth['categories']:
        del category['frequency'], category['image_count']
    case.path.write_text(json.dumps(case.truth))
    with pytest.raises(ValueError, match=r"truth\.json does not specify.*first: 'class_0'.*train_ann_file"):
        LongTailMetric(ann_file=str(case.path), style='coco')
    path = training_file(case, tmp_path)
    results = evaluate(case, style='coco', train_ann_file=path, rare_max=2, common_max=5)
    for group, members in (('r', slice(0, 2)), ('c', slice(2, 5)), ('f', slice(5, None))):
        expected = coco_reference(case, 'bbox', tmp_path, case.category_ids[members])['AP']
        assert results[f'coco/bbox_AP{group}'] == pytest.approx(expected, abs=1e-6)


def test_subset_of_the_classes(case, tmp_path):
    """A data set with some of the file's classes numbers its labels by them."""
    chosen = [1, 3, 4]
    ids = [case.category_ids[index] for index in chosen]
    expected = coco_reference(case, 'bbox', tmp_path, ids)['AP']
    case.detections = [detection for detection in case.detections if detection['category_id'] in ids]
    case.category_ids, case.classes = ids, tuple(case.classes[index] for index in chosen)
    assert evaluate(case, style='coco')['coco/bbox_AP'] == pytest.approx(expected, abs=1e-6)


def test_class_table(case, tmp_path):
    logger = MMLogger.get_instance(tmp_path.name)  # a run's of its own, or files would go where an earlier run logged
    handler = logging.FileHandler(tmp_path / 'run.log')
    logger.addHandler(handler)
    try:
        evaluate(case, style='coco')
    finally:
        logger.removeHandler(handler)
        handler.close()
    rows = {row['name']: row for row in csv.DictReader((tmp_path / 'class_ap_bbox.csv').open())}
    assert set(rows) == set(case.classes)
    for name, category_id in zip(case.classes, case.category_ids, strict=True):
        expected = coco_reference(case, 'bbox', tmp_path, [category_id])
        if name == 'class_7':  # no ground truth
            assert rows[name]['AP'] == rows[name]['AP50'] == ''
            continue
        for column in ('AP', 'AP50', 'AP75'):
            assert float(rows[name][column]) == pytest.approx(expected[column], abs=1e-6)
    assert (rows['class_0']['frequency'], rows['class_0']['train_images']) == ('r', '2')
    assert float(rows['class_8']['AP']) == 0


def test_detections_are_written_as_coco_results(case, tmp_path):
    evaluate(case, outfile_prefix=str(tmp_path / 'found/run'))
    written = json.loads((tmp_path / 'found/run.bbox.json').read_text())
    key = str
    assert sorted(written, key=key) == sorted(case.detections, key=key)


@pytest.mark.parametrize(('arguments', 'message'), [
    (dict(style='voc'), "style must be 'lvis' or 'coco'"), (dict(metric='proposal'), "metric 'bbox', 'segm' or 'boundary'"),
    (dict(rare_max=5), 'need train_ann_file'), (dict(format_only=True), 'set outfile_prefix'),
    (dict(frequency={'class_0': 'r'}), "8 of the classes.*'class_1'"),
])
def test_bad_arguments(case, arguments, message):
    with pytest.raises(ValueError, match=message):
        LongTailMetric(ann_file=str(case.path), **arguments)


def test_bad_files(case, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.json'):
        LongTailMetric(ann_file=str(tmp_path / 'none.json'))
    del case.truth['images'][4]['neg_category_ids']
    case.path.write_text(json.dumps(case.truth))
    with pytest.raises(AnnotationError, match="1 images have no 'neg_category_ids'.*image id 105.*style='coco'"):
        LongTailMetric(ann_file=str(case.path))


def test_what_libraries_trip_over_is_put_right(case):  # fault 24
    """Sizes with decimals, boxes of a category that is not listed, odd frequencies: the numbers stay as they are."""
    expected = evaluate(case, style='coco', frequency=dict.fromkeys(case.classes, 'f'))
    for image in case.truth['images']:
        image['width'] += 0.25
    for category in case.truth['categories']:
        category['frequency'] = ''
    case.truth['annotations'].append({**case.truth['annotations'][0], 'id': 10**6, 'category_id': -1})
    case.path.write_text(json.dumps(case.truth))
    for style in ('coco', 'lvis'):
        found = evaluate(case, style=style, frequency=dict.fromkeys(case.classes, 'f'))
        assert style == 'lvis' or found == expected
        assert found[f'{style}/bbox_AP'] > 0


@pytest.mark.parametrize('backend', ['hotcoco', 'faster_coco_eval', 'lvis', 'pycocotools'])
def test_whole_floats_and_null_flags(case, backend):
    """What mmdet takes, and some libraries trip over."""
    style = 'coco' if backend == 'pycocotools' else 'lvis'
    keys = dict(style=style, backend=backend, frequency=dict.fromkeys(case.classes, 'f'))
    expected = evaluate(case, **keys)
    for image in case.truth['images']:
        image.update(id=float(image['id']), coco_url=0)
    for number, box in enumerate(case.truth['annotations']):
        box.update(image_id=float(box['image_id']), iscrowd=[None, 0.0, False][number % 3], ignore=None)
    for category in case.truth['categories']:
        category.update(id=float(category['id']), frequency=1)
    case.path.write_text(json.dumps(case.truth))
    assert evaluate(case, **keys) == expected


def test_submission_for_images_without_annotations(case, tmp_path):  # fault 30
    evaluate(case, outfile_prefix=str(tmp_path / 'with'), metric=['bbox', 'segm'])
    del case.truth['annotations']
    case.path.write_text(json.dumps(case.truth))
    with pytest.raises(AnnotationError, match=r'truth\.json: there are no annotations to evaluate against; .*format_only=True'):
        evaluate(case)
    assert not evaluate(case, outfile_prefix=str(tmp_path / 'without'), metric=['bbox', 'segm'], format_only=True)
    for kind in ('bbox', 'segm'):
        assert (tmp_path / f'without.{kind}.json').read_text() == (tmp_path / f'with.{kind}.json').read_text()


def test_what_libraries_cannot_read_is_named(case):  # fault 24
    case.truth['images'][4]['id'] = 'four'
    case.path.write_text(json.dumps(case.truth))
    samples = data_samples(case)
    samples[4]['img_id'] = 'four'
    with pytest.raises(AnnotationError, match=r'truth\.json: some image ids are numbers and some are text'):
        evaluate(case, samples, frequency=dict.fromkeys(case.classes, 'f'))


def test_what_a_library_refuses_is_named(case):  # fault 24
    case.truth['categories'][0]['id'] = -1
    case.path.write_text(json.dumps(case.truth))
    with pytest.raises(AnnotationError, match=r'truth\.json: hotcoco cannot evaluate against it \(ValueError: .*integer'):
        evaluate(case, style='coco', backend='hotcoco', frequency=dict.fromkeys(case.classes, 'f'))


def test_classes_that_the_file_does_not_have(case, caplog):
    classes = case.classes
    case.classes = (*classes[:-2], 'typo')
    with pytest.raises(AnnotationError, match=r"truth\.json: class 'typo' of the config is not a category"):
        evaluate(case, style='coco')
    case.classes = (classes[1], classes[0], *classes[2:])
    with pytest.raises(AnnotationError, match='another order'):
        evaluate(case, style='coco')
    # As many names as categories: mmdet spells one of LVIS v1's otherwise than the file does.
    case.classes = (*classes[:-1], 'class 8')
    with caplog.at_level(logging.WARNING, logger='mmengine'):
        MMLogger.get_current_instance().addHandler(caplog.handler)
        assert evaluate(case, style='coco')['coco/bbox_AP'] > 0
        MMLogger.get_current_instance().removeHandler(caplog.handler)
    assert "'class 8' is treated as 'class_8'" in caplog.text


def test_registered(case):
    metric = METRICS.build(dict(type='LongTailMetric', ann_file=str(case.path)))
    assert metric.prefix == 'lvis'
    assert np.unique(list(metric.groups.values())).tolist() == ['c', 'f', 'r']
