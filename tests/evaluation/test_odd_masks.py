"""Masks that libraries read differently, or that take gigabytes: one result on all of them, or an error before that."""

import json
import tracemalloc

import pytest

from imbdet.annotations import AnnotationError
from imbdet.evaluation import LongTailMetric

from .random_case import data_samples, make_case

BACKENDS = {'hotcoco': 'coco', 'faster_coco_eval': 'coco', 'pycocotools': 'coco', 'lvis': 'lvis'}


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


def evaluate(case, backend, metric='segm'):
    style = BACKENDS[backend]
    metric = LongTailMetric(str(case.path), metric, style, frequency=dict.fromkeys(case.classes, 'f'), backend=backend)
    metric.dataset_meta = {'classes': case.classes}
    samples = data_samples(case, with_masks=metric.metrics != ['bbox'])
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def change(case, every, function):
    for box in case.truth['annotations'][::every]:
        function(box)
    case.path.write_text(json.dumps(case.truth))


@pytest.mark.parametrize('backend', BACKENDS)
def test_points_and_lines_next_to_polygons_do_not_count(case, backend):  # fault 32
    expected = evaluate(case, backend)
    change(case, 2, lambda box: box['segmentation'].insert(0, [1, 2, 30, 40]))  # pycocotools takes it for a box
    change(case, 3, lambda box: box['segmentation'].append([5, 6]))
    assert evaluate(case, backend) == expected


def test_polygons_that_leave_the_image_are_one_mask_in_all_libraries(case):  # fault 32
    def stretch(box):
        (polygon, ) = box['segmentation']
        polygon[2], polygon[4], polygon[7] = 390, 399.5, -190

    change(case, 2, stretch)
    found = {backend: evaluate(case, backend)['coco/segm_AP'] for backend, style in BACKENDS.items() if style == 'coco'}
    assert 0 < found['pycocotools'] < 1
    assert found == {backend: pytest.approx(found['pycocotools'], abs=1e-9) for backend in found}


@pytest.mark.parametrize('odd', [None, [], [[1, 2, 3, 4]], [1, 2, 3, 4, 5, 6], 'text'])
def test_boxes_do_not_need_masks(case, odd):  # fault 32
    expected = evaluate(case, 'hotcoco', 'bbox')
    change(case, 2, lambda box: box.update(segmentation=odd))
    for backend in BACKENDS:
        found = evaluate(case, backend, 'bbox')
        assert BACKENDS[backend] == 'lvis' or found == pytest.approx(expected, abs=1e-9)
        with pytest.raises(AnnotationError, match=r'truth\.json: \d+ of \d+ annotations have .*annotation ids 1, 3, 5'):
            evaluate(case, backend, ['bbox', 'segm'])


@pytest.mark.parametrize('value', [float('nan'), float('inf'), 1e9, -1e7])
def test_no_memory_is_taken_for_polygons_far_outside(case, value):  # fault 32
    def move(box):
        box['segmentation'][0][2] = value

    change(case, 2, move)
    tracemalloc.start()
    with pytest.raises(AnnotationError, match=r'annotation ids 1, 3, 5'):
        evaluate(case, 'hotcoco')
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
