"""The sweep over calibrations, compared with LongTailMetric and pycocotools on the same detections."""

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from imbdet.evaluation import LongTailMetric
from imbdet.evaluation.detections import Detections
from imbdet.reports.calibration.sweep import METRICS, HeldOut, Sweep, judge, sweep
from imbdet.reports.calibration.sweep_report import chance_warning

from ...evaluation.random_case import make_case


@pytest.fixture(params=['coco', 'lvis'])
def case(request, tmp_path):
    """A file, and two lists of detections: in the second, every other class has lower scores."""
    made = make_case(tmp_path, 5, num_images=10, detections_per_image=60)
    rng = np.random.default_rng(0)
    ids = sorted(made.category_ids)
    groups = np.array(['r', 'c', 'f'])[np.arange(len(ids)) % 3]
    detections = Detections(np.array([one['image_id'] for one in made.detections]),
                            np.array([one['category_id'] for one in made.detections]),
                            np.array([one['score'] for one in made.detections]),
                            np.array([one['bbox'] for one in made.detections], dtype=float))
    held_out = HeldOut(made.path, request.param, ids, groups, [image['id'] for image in made.truth['images']])
    noisy = detections._replace(scores=np.where(rng.random(len(detections.scores)) < 0.7, rng.random(len(detections.scores)),
                                                detections.scores))
    return held_out, {'none': detections, 'noise': noisy}, made


def by_metric(held_out, detections, made, **keys):
    """What LongTailMetric gives for the same detections."""
    names = {category['id']: category['name'] for category in made.truth['categories']}
    metric = LongTailMetric(str(held_out.path), style=held_out.style, frequency={
        names[category]: str(group) for category, group in zip(held_out.category_ids, held_out.groups, strict=True)}, **keys)
    metric.dataset_meta = dict(classes=[names[category] for category in held_out.category_ids])
    corners = detections.boxes.copy()
    corners[:, 2:] += corners[:, :2]
    labels = np.searchsorted(held_out.category_ids, detections.category_ids)
    results = [dict(image_id=image, bboxes=corners[detections.image_ids == image], scores=detections.scores[
        detections.image_ids == image], labels=labels[detections.image_ids == image]) for image in held_out.images]
    return metric.compute_metrics(results)


def test_metrics_are_those_of_long_tail_metric(case):
    held_out, detections, made = case
    for found in detections.values():
        plain, fixed = (by_metric(held_out, found, made, **keys) for keys in (dict(pooled_ap=True), dict(fixed_ap=True)))
        expected = [*(plain[f'bbox_{name}'] for name in ('AP', 'APr', 'APc', 'APf')), fixed['bbox_AP'], plain['bbox_AP_pool']]
        assert np.allclose(list(judge(held_out, found).values()), expected)


def test_ap_fixed_alone_counts_more_than_the_detector_keeps(case):
    """With a limit of three detections an image, against LongTailMetric on the three highest, chosen one image at a time."""
    held_out, detections, made = case
    found = detections['noise']
    kept = [row for image in held_out.images for row in sorted(
        np.flatnonzero(found.image_ids == image).tolist(), key=lambda row: -found.scores[row])[:3]]
    few = by_metric(held_out, found.take(np.array(kept)), made, pooled_ap=True)
    limited = judge(held_out._replace(limit=3), found)
    assert [limited[name] for name in ('AP', 'APr', 'AP_pool')] == pytest.approx(
        [few[f'bbox_{name}'] for name in ('AP', 'APr', 'AP_pool')])
    assert limited['AP_fixed'] == judge(held_out, found)['AP_fixed'] > limited['AP']


def test_a_part_of_the_images_is_judged_alone(case):
    """AP on three of the images, against pycocotools on a file of these."""
    held_out, detections, made = case
    if held_out.style == 'lvis':
        return
    part = held_out.images[:3]
    truth = {**made.truth, 'images': [image for image in made.truth['images'] if image['id'] in part],
             'annotations': [{**box, 'id': number} for number, box in enumerate(made.truth['annotations'], 1)
                             if box['image_id'] in part]}
    results = [one for one in made.detections if one['image_id'] in part]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = json.loads(json.dumps(truth))
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes([{key: one[key] for key in ('image_id', 'category_id', 'score', 'bbox')}
                                                  for one in results]), 'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert judge(held_out, detections['none'], ['AP'], part)['AP'] == pytest.approx(evaluation.stats[0])


def test_the_best_and_its_worth_on_unseen_images(case):
    """Each fold is judged with what was best on the other images, recomputed here one by one."""
    held_out, detections, _ = case
    found = sweep(held_out, detections, by='AP', folds=3, seed=4)
    assert found.names == ['none', 'noise']
    assert list(found.metrics[0]) == list(METRICS)
    values = [metrics['AP'] for metrics in found.metrics]
    assert found.best == int(np.argmax(values))
    assert values[0] != values[1]
    order = np.random.default_rng(4).permutation(len(held_out.images))
    expected, gains = [], []
    for fold in range(3):
        part = [held_out.images[position] for position in order[fold::3]]
        rest = [image for image in held_out.images if image not in part]
        of_rest = [judge(held_out, each, ['AP'], rest)['AP'] for each in detections.values()]
        expected.append(int(np.argmax(of_rest)))
        none, chosen = (judge(held_out, detections[found.names[number]], METRICS, part) for number in (0, expected[-1]))
        gains.append([chosen[name] - none[name] for name in METRICS])
    assert found.chosen == expected
    assert found.unseen_gain == pytest.approx(dict(zip(METRICS, np.nanmean(gains, 0), strict=True)), nan_ok=True)


def test_parts_are_not_ranked_together(case):
    """Scores of a calibration that scales them down rank as before, so that its choice in some of the parts costs nothing."""
    held_out, detections, _ = case
    found = sweep(held_out, {'none': detections['noise'], 'low': detections['none'],
                             'very low': detections['none']._replace(scores=detections['none'].scores / 1000)}, folds=3)
    assert found.metrics[1] == pytest.approx(found.metrics[2])
    alone = sweep(held_out, {'none': detections['noise'], 'low': detections['none']}, folds=3)
    assert found.unseen_gain == pytest.approx(alone.unseen_gain, nan_ok=True)


def test_classes_are_in_the_order_of_their_ids(case):
    held_out, _, made = case
    ids = [made.category_ids[position] for position in (2, 0, 1)]
    found = HeldOut.of(held_out.path, ids, np.array(['r', 'c', 'f']), held_out.images, 7)
    assert found.category_ids == sorted(ids)
    assert found.groups.tolist() == [dict(zip(ids, 'rcf', strict=True))[each] for each in sorted(ids)]
    assert (found.images, found.limit) == (held_out.images, 7)


def test_another_metric_may_choose_another(case):
    held_out, detections, _ = case
    found = sweep(held_out, detections, by='AP_pool', folds=2)
    assert found.best == int(np.argmax([metrics['AP_pool'] for metrics in found.metrics]))
    assert found.by == 'AP_pool'


@pytest.mark.parametrize(('best', 'gains', 'warned'), [(1, (0.02, -0.03), True), (0, (0.02, -0.03), False),
                                                       (1, (0.03, -0.02), False), (1, (float('nan'), 0.0), True)])
def test_a_choice_by_chance_is_warned_of(best, gains, warned):
    parts = [{metric: gain if metric == 'APr' else 1.0 for metric in METRICS} for gain in gains]
    said = chance_warning(Sweep(['none', 'a'], [], best, [1, 1], parts, 'APr'))
    assert bool(said) == warned
    assert not warned or 'the choice gains no APr' in said


def test_what_cannot_be_is_named(case):
    held_out, detections, _ = case
    for folds in (1, 11):
        with pytest.raises(ValueError, match=f'folds must be at least 2 and at most the number .*, got {folds} for 10 images'):
            sweep(held_out, detections, folds=folds)
    no_rare = held_out._replace(groups=np.full(len(held_out.groups), 'f'))
    with pytest.raises(ValueError, match='APr is not defined on the held-out images'):
        sweep(no_rare, detections, by='APr', folds=2)
