"""Kinds of errors by hand and by loops from the definitions, and what mending them gains by hand."""

import json
from types import SimpleNamespace

import pytest

from imbdet.evaluation.tide_errors import ERROR_TYPES, ap50_without_errors, find_errors

from .matches_of import iou, matches_of
from .random_case import make_case

HERE, THERE = [0, 0, 100, 100], [150, 150, 40, 40]


@pytest.fixture
def scene(tmp_path):
    """A function that makes the case of one image with an object of class 1, one of class 2, and some detections."""

    def make(*found, style='coco', objects=((1, HERE), (2, THERE)), **image):
        annotations = [{'id': index + 1, 'image_id': 1, 'category_id': category, 'bbox': box, 'area': 1, 'iscrowd': 0, **keys}
                       for index, (category, box, *more) in enumerate(objects) for keys in [dict(*more)]]
        truth = {'images': [{'id': 1, 'width': 200, 'height': 200, 'neg_category_ids': [], 'not_exhaustive_category_ids': [],
                             **image}],
                 'annotations': annotations, 'categories': [{'id': index, 'name': str(index)} for index in (1, 2, 3)]}
        (tmp_path / 'truth.json').write_text(json.dumps(truth))
        detections = [{'image_id': 1, 'category_id': category, 'bbox': box, 'score': score} for category, box, score in found]
        case = SimpleNamespace(path=tmp_path / 'truth.json', truth=truth, detections=detections, category_ids=[1, 2, 3])
        return matches_of(case, style, tmp_path)

    return make


FOUND = (1, HERE, 0.9)
OTHER_FOUND = (2, THERE, 0.9)


@pytest.mark.parametrize(('detection', 'kind'), [
    ((2, HERE, 0.5), 'classification'),
    ((3, [0, 0, 100, 50], 0.5), 'classification'),  # an IoU of exactly 0.5
    ((1, [0, 0, 100, 49], 0.5), 'localisation'),
    ((1, [0, 0, 100, 10], 0.5), 'localisation'),  # exactly 0.1
    ((3, [0, 0, 100, 49], 0.5), 'both'),
    ((1, [0, 0, 100, 90], 0.5), 'duplicate'),
    ((1, [0, 0, 100, 50], 0.5), 'duplicate'),
    ((1, [0, 0, 100, 9], 0.5), 'background'),
    ((3, [110, 0, 30, 30], 0.5), 'background'),
    ((1, THERE, 0.5), 'classification'),
])
def test_one_detection_of_each_kind(scene, detection, kind):
    """Beside two that have found the two objects."""
    errors = find_errors(scene(FOUND, OTHER_FOUND, detection))
    assert errors.types.tolist() == [-1, -1, ERROR_TYPES.index(kind)]
    assert not errors.missed.any()


def test_objects_are_missed_unless_an_error_was_meant_for_them(scene):
    missed = {}
    for name, detection in {'none': (1, [110, 0, 30, 30], 0.5), 'localisation': (1, [0, 0, 100, 40], 0.5),
                            'classification': (3, HERE, 0.5), 'both': (3, [0, 0, 100, 40], 0.5)}.items():
        missed[name] = find_errors(scene(OTHER_FOUND, detection)).missed.tolist()
    assert missed == {'none': [True, False], 'localisation': [False, False], 'classification': [False, False],
                      'both': [True, False]}


def gains(matches):
    ap50 = ap50_without_errors(matches, find_errors(matches), 3)
    return {kind: ap50[kind].tolist() for kind in ('none', *ERROR_TYPES)}


def test_fixing_by_hand(scene):
    """Class 3 has no object; each type alone is between class 1 and an AP of 1."""
    assert gains(scene(OTHER_FOUND, (3, HERE, 0.5))) == {'none': [0, 1, -1], 'classification': [1, 1, -1],
                                                        **{kind: [0, 1, -1] for kind in ERROR_TYPES[1:]}}
    assert gains(scene(OTHER_FOUND, (1, [0, 0, 100, 40], 0.5)))['localisation'] == [1, 1, -1]
    for kind, wrong in {'both': [150, 150, 40, 15], 'background': [110, 0, 30, 30]}.items():
        found = gains(scene(OTHER_FOUND, (1, wrong, 0.95), FOUND))
        assert found.pop(kind) == [1, 1, -1]
        assert {tuple(values) for values in found.values()} == {(0.5, 1, -1)}
    far = (1, [0, 150, 40, 40])
    found = gains(scene(FOUND, (1, [0, 0, 100, 90], 0.8), (*far, 0.7), objects=((1, HERE), far)))
    # With the duplicate precision is 1 up to a recall of 0.5, that is at 51 of 101 recalls, and 2/3 after that.
    assert found['none'][0] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert found['duplicate'][0] == 1
    found = gains(scene(OTHER_FOUND, FOUND, objects=((1, HERE), (2, THERE), (1, [0, 150, 40, 40]))))
    assert found['none'][0] == pytest.approx(51 / 101)
    assert found['missed'][0] == 1
    assert gains(scene(OTHER_FOUND))['missed'] == [-1, 1, -1]  # nothing of class 1 is left


def test_of_two_that_claim_an_object_the_higher_score_keeps_it(scene):
    """A poorly placed detection beside a good one of a lower or a higher score."""
    for score in (0.95, 0.5):
        found = gains(scene(OTHER_FOUND, (1, [0, 0, 100, 40], score), FOUND))
        assert found['localisation'] == [1, 1, -1]
        assert found['none'] == [0.5 if score > 0.9 else 1, 1, -1]


def test_federated(scene):
    """Class 3 is judged where it is negative; unmatched detections of class 1 are ignored where it is open-ended."""
    wrong = (3, HERE, 0.5)
    assert find_errors(scene(FOUND, wrong, style='lvis')).types.tolist() == [-1]
    assert find_errors(scene(FOUND, wrong, style='lvis', neg_category_ids=[3])).types.tolist() == [-1, 0]
    duplicate = (1, HERE, 0.5)
    assert find_errors(scene(FOUND, duplicate, style='lvis')).types.tolist() == [-1, 3]
    assert find_errors(scene(FOUND, duplicate, style='lvis', not_exhaustive_category_ids=[1])).types.tolist() == [-1]


@pytest.mark.parametrize(('style', 'flag'), [('coco', 'iscrowd'), ('lvis', 'ignore')])
def test_crowds_and_ignored_objects(scene, style, flag):
    """A detection on one is neither right nor wrong, and nobody has to find it; to other classes it is no object."""
    objects = ((1, HERE, {flag: 1}), (2, THERE))
    matches = scene(FOUND, (2, HERE, 0.5), (2, THERE, 0.4), style=style, objects=objects)
    errors = find_errors(matches)
    assert matches.scores.tolist() == [0.5, 0.4]
    assert errors.types.tolist() == [ERROR_TYPES.index('background'), -1]
    assert errors.missed.tolist() == [False]


def types_by_loops(case, style):
    """Class, score and kind of each detection that counts, and the class of each missed object."""
    rows, missed = [], []
    for image in case.truth['images']:
        boxes = [box for box in case.truth['annotations'] if box['image_id'] == image['id']]
        objects = [box for box in boxes if not box['iscrowd']] if style == 'coco' else boxes
        found = sorted((one for one in case.detections if one['image_id'] == image['id']), key=lambda one: -one['score'])
        taken, reached = set(), set()
        for one in found[:300]:
            category = one['category_id']
            if style == 'lvis' and category not in image['neg_category_ids'] and all(box['category_id'] != category
                                                                                      for box in boxes):
                continue
            own = {box['id']: iou(one['bbox'], box['bbox']) for box in objects if box['category_id'] == category}
            other = {box['id']: iou(one['bbox'], box['bbox']) for box in objects if box['category_id'] != category}
            free = {key: value for key, value in own.items() if key not in taken and value >= 0.5}
            if free:
                best = max(free, key=free.get)
                taken.add(best)
                rows.append((category, one['score'], 'correct'))
                continue
            on_crowd = any(iou(one['bbox'], box['bbox'], True) >= 0.5 for box in boxes
                           if box['iscrowd'] and box['category_id'] == category)
            if (style == 'coco' and on_crowd) or (style == 'lvis' and category in image['not_exhaustive_category_ids']):
                continue
            highest, elsewhere = max(own.values(), default=0), max(other.values(), default=0)
            if 0.1 <= highest < 0.5:
                kind = 'localisation'
                reached.add(max(own, key=own.get))
            elif elsewhere >= 0.5:
                kind = 'classification'
                reached.add(max(other, key=other.get))
            elif highest >= 0.5:
                kind = 'duplicate'
            elif max(highest, elsewhere) < 0.1:
                kind = 'background'
            else:
                kind = 'both'
            rows.append((category, one['score'], kind))
        missed += [box['category_id'] for box in objects if box['id'] not in taken | reached]
    return sorted(rows), sorted(missed)


@pytest.mark.parametrize('style', ['lvis', 'coco'])
@pytest.mark.parametrize('seed', [0, 1, 2])
def test_against_loops(tmp_path, seed, style):
    case = make_case(tmp_path, seed)
    if style == 'coco':
        for box in case.truth['annotations'][::5]:
            box['iscrowd'] = 1
        case.path.write_text(json.dumps(case.truth))
    rows, missed = types_by_loops(case, style)
    matches = matches_of(case, style, tmp_path)
    errors = find_errors(matches)
    ids = sorted(case.category_ids)
    names = [*ERROR_TYPES, 'correct']
    assert sorted((ids[label], score, names[kind]) for label, score, kind in zip(
        matches.classes.tolist(), matches.scores.tolist(), errors.types.tolist(), strict=True)) == rows
    assert sorted(ids[label] for label in matches.object_classes[errors.missed].tolist()) == missed
    assert {kind for _, _, kind in rows} == {*ERROR_TYPES[:-1], 'correct'}  # the case has all of them
    assert missed
