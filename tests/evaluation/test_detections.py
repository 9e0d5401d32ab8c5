"""Joining detections, and leaving out those that an evaluation does not count, against sorting image by image."""

from collections import defaultdict

import numpy as np
import pytest

from imbdet.evaluation.detections import Detections, cap_detections, concatenate


def detections(number, num_images, num_classes, seed=0):
    rng = np.random.default_rng(seed)
    boxes = rng.uniform(1, 9, (number, 4))
    boxes[::50, 2] = 0  # without area
    return Detections(rng.integers(1, num_images + 1, number), rng.integers(1, num_classes + 1, number),
                      rng.integers(0, 30, number) / 30, boxes=boxes)


def expected(found, key, most, with_area):
    """Positions of those kept, by Python's own stable sort."""
    groups = defaultdict(list)
    for position in range(len(found.scores)):
        groups[key(position)].append(position)
    kept = [position for group in groups.values()
            for position in sorted(group, key=lambda position: -found.scores[position])[:most]]
    return [position for position in sorted(kept) if not with_area or found.boxes[position, 2] > 0]


@pytest.mark.parametrize(('style', 'fixed_ap', 'most', 'num_images'), [
    ('lvis', False, 300, 3), ('coco', False, 100, 3), ('lvis', True, 10000, 40), ('coco', True, 10000, 40)])
def test_what_counts(style, fixed_ap, most, num_images):
    found = detections(21000 if fixed_ap else 1100, num_images, 2)
    key = {('lvis', False): lambda position: found.image_ids[position],
           ('coco', False): lambda position: (found.image_ids[position], found.category_ids[position])}.get(
               (style, fixed_ap), lambda position: found.category_ids[position])
    wanted = expected(found, key, most, with_area=style == 'lvis')
    assert len(wanted) < len(found.scores)
    kept = cap_detections(found, style, fixed_ap)
    assert np.array_equal(kept.boxes, found.boxes[wanted])
    assert np.array_equal(kept.scores, found.scores[wanted])


def test_exactly_as_many_as_count():
    for more in (0, 1):
        found = Detections(np.ones(300 + more, np.int64), np.ones(300 + more, np.int64), np.linspace(0.1, 0.9, 300 + more),
                           boxes=np.ones((300 + more, 4)))
        kept = cap_detections(found, 'lvis')
        assert np.array_equal(kept.scores, found.scores[more:])


def test_no_detections():
    empty = concatenate([], 'bbox', [1])
    assert cap_detections(empty, 'lvis').boxes.shape == (0, 4)
    assert cap_detections(empty, 'coco').coco_results() == []


def image(**changes):
    mask = {'size': [4, 4], 'counts': b'04L0'}
    return {'image_id': 7, 'bboxes': np.array([[1, 2, 4, 8]], np.float32), 'scores': np.array([0.5], np.float32),
            'labels': np.array([1]), 'masks': [mask], 'mask_scores': np.array([0.25], np.float32), **changes}


def test_joined_images():
    boxes = concatenate([image(), image(image_id=3)], 'bbox', [40, 20])
    assert boxes.coco_results() == [{'image_id': image_id, 'category_id': 20, 'bbox': [1, 2, 3, 6], 'score': 0.5}
                                    for image_id in (7, 3)]
    masks = concatenate([image()], 'segm', [40, 20])
    assert masks.coco_results() == [{'image_id': 7, 'category_id': 20, 'score': 0.25,
                                     'segmentation': {'size': [4, 4], 'counts': '04L0'}}]


def test_scores_that_are_none():
    with pytest.raises(ValueError, match=r"image 'b' has detections whose score is NaN"):
        concatenate([image(image_id='a'), image(image_id='b', scores=np.array([np.nan]))], 'bbox', [1, 2])
