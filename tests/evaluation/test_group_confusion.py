"""The confusion of groups by hand, and against loops over objects and detections."""

import json

import numpy as np
import pytest

from imbdet.evaluation.group_confusion import COLUMNS, ROWS, group_confusion

from .matches_of import iou, matches_of
from .random_case import make_case

GROUPS = np.array(['r', 'c', 'f', 'r', 'c', 'f', 'r', 'c', 'f'])


def by_loops(case, matches, threshold, folder):
    """Go through the detections of each image, the highest score first; objects without a crowd, IoUs one by one."""
    ids = sorted(case.category_ids)
    table = {row: dict.fromkeys(COLUMNS, 0) for row in ROWS}
    for image in case.truth['images']:
        objects = [box for box in case.truth['annotations'] if box['image_id'] == image['id'] and not box.get('iscrowd')]
        detections = [one for one in case.detections if one['image_id'] == image['id'] and one['score'] > threshold]
        detections.sort(key=lambda one: -one['score'])
        taken, claims = set(), {}
        for one in detections:
            own = [(iou(one['bbox'], box['bbox']), box['id']) for box in objects
                   if box['category_id'] == one['category_id'] and box['id'] not in taken]
            if own and max(own)[0] >= 0.5:
                taken.add(max(own)[1])
                continue
            group = GROUPS[ids.index(one['category_id'])]
            other = [(iou(one['bbox'], box['bbox']), box['id']) for box in objects if box['category_id'] != one['category_id']]
            if other and max(other)[0] >= 0.5:
                claims.setdefault(max(other)[1], group)
            else:
                table['background'][group] += 1
        for box in objects:
            row = GROUPS[ids.index(box['category_id'])]
            table[row]['right' if box['id'] in taken else claims.get(box['id'], 'missed')] += 1
    return np.array([[table[row][column] for column in COLUMNS] for row in ROWS])


@pytest.mark.parametrize('threshold', [0.0, 0.5, 1.0])
def test_against_loops(threshold, tmp_path):
    case = make_case(tmp_path, 2, num_images=12, detections_per_image=60)
    for box in case.truth['annotations']:
        box['iscrowd'] = 0
    case.path.write_text(json.dumps(case.truth))
    matches = matches_of(case, 'coco', tmp_path)
    found = group_confusion(matches, GROUPS, threshold)
    assert np.array_equal(found, by_loops(case, matches, threshold, tmp_path))
    assert found[:3].sum() == len(case.truth['annotations'])
    assert found[3].sum() > 0 or threshold == 1.0
    if threshold == 1.0:
        assert found[:3, :4].sum() == 0  # all are missed
    if threshold == 0.0:
        assert (found[:3, 1:4] > 0).any()
        assert (found[:3, 0] > 0).all()
