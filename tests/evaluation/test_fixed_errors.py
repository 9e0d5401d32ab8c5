"""AP50 against the evaluation libraries, as it is and on files whose errors have been fixed."""

import json

import numpy as np
import pytest

from imbdet.evaluation.tide_errors import ERROR_TYPES, ap50_without_errors, class_ap50, find_errors

from .matches_of import iou, matches_of, reference_ap50
from .random_case import make_case, rle


@pytest.mark.parametrize(('kind', 'lowest'), [('bbox', 0.5), ('segm', 0.5), ('bbox', 0.75)])
@pytest.mark.parametrize('style', ['lvis', 'coco'])
def test_ap50_against_the_evaluation_libraries(tmp_path, style, kind, lowest):
    case = make_case(tmp_path, 3, num_images=8, detections_per_image=400)
    for detection in case.detections:
        detection['score'] = round(detection['score'], 2)  # many are equal
    expected = reference_ap50(case, style, tmp_path, kind, lowest)
    matches = matches_of(case, style, tmp_path, kind, lowest)
    found = class_ap50(matches.scores, matches.classes, matches.objects >= 0,
                       np.bincount(matches.object_classes, minlength=len(expected)))
    assert expected.max() > 0.05
    assert (expected == -1).any()
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_matches_know_their_images(tmp_path):
    """Detections and objects counted by image, against the files."""
    case = make_case(tmp_path, 4, num_images=8)
    matches = matches_of(case, 'coco', tmp_path)
    numbers = {image_id: number for number, image_id in enumerate(sorted(image['id'] for image in case.truth['images']), 1)}
    found = matches.objects >= 0
    assert np.array_equal(matches.images[found], matches.object_images[matches.objects[found]])
    objects = [numbers[box['image_id']] for box in case.truth['annotations'] if not box.get('iscrowd')]
    assert sorted(matches.object_images.tolist()) == sorted(objects)
    detections = [numbers[one['image_id']] for one in case.detections]
    counts = np.bincount(matches.images, minlength=9)
    assert (counts <= np.bincount(detections, minlength=9)).all()
    assert counts.sum() > 0.5 * len(detections)


def grid_case(folder, seed):
    """Objects that do not overlap, and detections around them: a fixed one can match no object but its own."""
    rng = np.random.default_rng(seed)
    case = make_case(folder, seed, num_images=12)
    case.truth['annotations'], case.detections = [], []
    for image in case.truth['images']:
        for cell in range(9):
            label = int(rng.integers(9))
            box = [60 * (cell % 3) + 10.0, 60 * (cell // 3) + 10.0, 40.0, 40.0]
            case.truth['annotations'].append({
                'id': len(case.truth['annotations']) + 1, 'image_id': image['id'], 'category_id': case.category_ids[label],
                'bbox': box, 'area': 1600, 'iscrowd': 0, 'segmentation': rle(box)})
            for _ in range(rng.integers(0, 6)):
                shift = rng.integers(-28, 29, 2)
                category = case.category_ids[label if rng.random() < 0.6 else int(rng.integers(9))]
                case.detections.append({'image_id': image['id'], 'category_id': category, 'score': float(rng.random()),
                                        'bbox': [box[0] + float(shift[0]), box[1] + float(shift[1]), 40.0, 40.0]})
    case.path.write_text(json.dumps(case.truth))
    return case


def kind_and_object(one, objects, taken):
    """The kind of a detection, and the object that it has found or was meant for; objects do not overlap."""
    ious = {box['id']: iou(one['bbox'], box['bbox']) for box in objects}
    own = {box['id']: ious[box['id']] for box in objects if box['category_id'] == one['category_id']}
    nearest, nearest_own = max(ious, key=ious.get), max(own, key=own.get, default=None)
    if nearest_own and own[nearest_own] >= 0.5:
        return ('duplicate', None) if nearest_own in taken else ('correct', nearest_own)
    if nearest_own and own[nearest_own] >= 0.1:
        return 'localisation', nearest_own
    if ious[nearest] >= 0.5:
        return 'classification', nearest
    return ('both' if ious[nearest] >= 0.1 else 'background'), None


def fixed_detections(case, kind):
    """Fix the detections of a case themselves, following section 2.3 of the paper."""
    detections, claimed = [], set()
    for image in case.truth['images']:
        objects = {box['id']: box for box in case.truth['annotations'] if box['image_id'] == image['id']}
        taken = set()
        found = sorted((one for one in case.detections if one['image_id'] == image['id']), key=lambda one: -one['score'])
        for one in found:
            actual, target = kind_and_object(one, objects.values(), taken)
            if actual == 'correct':
                taken.add(target)
            if actual == kind:
                if target is None:
                    continue
                one = {**one, 'category_id': objects[target]['category_id'], 'bbox': objects[target]['bbox']}
            if actual in (kind, 'correct'):
                if target in claimed:  # by one of a higher score
                    continue
                claimed.add(target)
            detections.append(one)
    return detections


@pytest.mark.parametrize('kind', ERROR_TYPES[:-1])
@pytest.mark.parametrize('seed', [0, 1])
def test_fixing_against_fixed_files(tmp_path, seed, kind):
    case = grid_case(tmp_path, seed)
    matches = matches_of(case, 'coco', tmp_path)
    errors = find_errors(matches)
    found = ap50_without_errors(matches, errors, 9)
    before = reference_ap50(case, 'coco', tmp_path)
    np.testing.assert_allclose(found['none'], before, atol=1e-12)
    case.detections = fixed_detections(case, kind)
    after = reference_ap50(case, 'coco', tmp_path)
    np.testing.assert_allclose(found[kind], after, atol=1e-12)
    assert after.mean() > before.mean()


@pytest.mark.parametrize('style', ['lvis', 'coco'])
def test_missed_objects_against_files_without_them(tmp_path, style):
    case = make_case(tmp_path, 1)
    matches = matches_of(case, style, tmp_path)
    errors = find_errors(matches)
    assert errors.missed.any()
    for image in case.truth['images']:  # classes stay judged where their objects are gone
        image['neg_category_ids'] += {box['category_id'] for box in case.truth['annotations'] if box['image_id'] == image['id']}
    kept = iter(~errors.missed)  # objects are in the file's order
    case.truth['annotations'] = [box for box in case.truth['annotations'] if next(kept)]
    case.path.write_text(json.dumps(case.truth))
    found = ap50_without_errors(matches, errors, 9)['missed']
    np.testing.assert_allclose(found, reference_ap50(case, style, tmp_path), atol=1e-12)
