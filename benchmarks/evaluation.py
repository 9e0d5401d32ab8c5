"""Time LVIS evaluation: LongTailMetric with each backend that is installed against lvis-api, in one run.

    python benchmarks/evaluation.py [--images 1500] [--runs 2]

1,203 classes, 300 detections an image, made up. LongTailMetric is timed as a whole, from the detections that it collected to
its results, once with reading the ground truth, as in a test or the first epoch, and once without, as in every later epoch;
lvis-api without any reading, from results in its own format. Takes a minute or two.
"""

import argparse
import contextlib
import importlib.util
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from lvis import LVIS, LVISEval, LVISResults
from mmengine.logging import MMLogger
from paired_steps import seconds
from table import Row, print_table
from tqdm import tqdm

from imbdet.evaluation import LongTailMetric

NUM_CLASSES = 1203
PER_IMAGE = 300
OBJECTS = 12


def make_ground_truth(num_images: int, rng: np.random.Generator) -> dict:
    """Make up a federated annotation file: frequent classes in many images, a dozen negatives an image."""
    weights = 1 / np.arange(1, NUM_CLASSES + 1)
    present = rng.choice(NUM_CLASSES, (num_images, OBJECTS), p=weights / weights.sum()) + 1
    negatives = rng.integers(1, NUM_CLASSES + 1, (num_images, 12))
    corners = rng.uniform(0, 300, (num_images, OBJECTS, 2)).round(2)
    sizes = rng.uniform(8, 200, (num_images, OBJECTS, 2)).round(2)
    images, annotations = [], []
    for index in range(num_images):
        images.append({'id': index + 1, 'width': 640, 'height': 640, 'file_name': f'{index}.jpg',
                       'not_exhaustive_category_ids': [], 'neg_category_ids': sorted(
                           set(negatives[index].tolist()) - set(present[index].tolist()))})
        for category_id, corner, size in zip(present[index].tolist(), corners[index], sizes[index], strict=True):
            annotations.append({'id': len(annotations) + 1, 'image_id': index + 1, 'category_id': category_id,
                                'bbox': [*corner.tolist(), *size.tolist()], 'area': float(size.prod()),
                                'segmentation': [[0, 0, 1, 0, 1, 1]]})
    categories = [{'id': index + 1, 'name': f'class {index}', 'frequency': 'fcr'[min(index // 400, 2)], 'image_count': 1,
                   'instance_count': 1} for index in range(NUM_CLASSES)]
    return {'info': {}, 'licenses': [], 'images': images, 'annotations': annotations, 'categories': categories}


def make_detections(truth: dict, rng: np.random.Generator) -> list[dict]:
    """Make up mmdet's data samples: the objects of each image, shifted, among detections at random."""
    objects: dict[int, list[dict]] = {}
    for box in truth['annotations']:
        objects.setdefault(box['image_id'], []).append(box)
    samples = []
    for image_id, boxes in objects.items():
        corners = rng.uniform(0, 300, (PER_IMAGE, 2))
        sizes = rng.uniform(8, 200, (PER_IMAGE, 2))
        labels = rng.integers(0, NUM_CLASSES, PER_IMAGE)
        near = np.array([box['bbox'] for box in boxes]) + rng.normal(0, 4, (len(boxes), 4))
        corners[:len(boxes)], sizes[:len(boxes)] = near[:, :2], np.abs(near[:, 2:]) + 1
        labels[:len(boxes)] = [box['category_id'] - 1 for box in boxes]
        samples.append({'img_id': image_id, 'pred_instances': {
            'bboxes': torch.tensor(np.concatenate([corners, corners + sizes], axis=1)),
            'scores': torch.tensor(rng.random(PER_IMAGE)), 'labels': torch.tensor(labels)}})
    return samples


def run_lvis(truth: LVIS, results: list[dict]) -> dict:
    """Evaluate by lvis-api as its documentation does."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = LVISEval(truth, LVISResults(truth, results), 'bbox')
        evaluation.run()
    return evaluation.results


def rows(num_images: int, runs: int) -> Iterator[Row]:
    """Time LongTailMetric with each installed backend, and lvis-api, in turn.

    Args:
        num_images: Images.
        runs: Times that each is run.

    Yields:
        Rows of the table.
    """
    MMLogger.get_current_instance().setLevel('ERROR')
    rng = np.random.default_rng(0)
    truth = make_ground_truth(num_images, rng)
    samples = make_detections(truth, rng)
    what = f'{num_images:,} images, {NUM_CLASSES:,} classes, {PER_IMAGE * len(samples):,} detections'
    results = [{'image_id': sample['img_id'], 'category_id': label + 1, 'bbox': [x1, y1, x2 - x1, y2 - y1], 'score': score}
               for sample in samples for (x1, y1, x2, y2), score, label in zip(
                   *(sample['pred_instances'][key].tolist() for key in ('bboxes', 'scores', 'labels')), strict=True)]
    times: dict[str, list[tuple[float, float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'truth.json'
        path.write_text(json.dumps(truth))
        expected = run_lvis(LVIS(str(path)), [dict(result) for result in results])
        for _ in tqdm(range(runs), disable=None, unit='run'):
            reference = seconds(run_lvis, LVIS(str(path)), [dict(result) for result in results])
            for name in filter(importlib.util.find_spec, ('hotcoco', 'faster_coco_eval', 'lvis')):
                metric = LongTailMetric(str(path), backend=name)
                metric.dataset_meta = {'classes': tuple(category['name'] for category in truth['categories'])}
                metric.process({}, samples)
                times.setdefault(name, []).append((reference, *(seconds(metric.compute_metrics, metric.results)
                                                                for _ in range(2))))
                if len(times[name]) == 1:
                    found = metric.compute_metrics(metric.results)
                    apart = max(abs(found[f'bbox_{key}'] - expected[key])
                                for key in ('AP', 'AP50', 'AP75', 'APr', 'APc', 'APf'))
                    yield Row('evaluation', f'{what}: {name} against lvis-api', f'largest difference {apart:.1e}',
                              'at most 1e-06', apart <= 1e-6)
    for name, measured in times.items():
        reference, first, later = np.array(measured).T
        least = 20 if name == 'hotcoco' else None  # the library that is installed for speed
        for when, ours in (('first', first), ('later', later)):
            ratios = reference / ours
            yield Row('evaluation', f'{what}: LongTailMetric by {name}, {when}',
                      f'{np.median(ratios):.1f} times as fast as lvis-api ({min(ratios):.1f} to {max(ratios):.1f}, {runs} '
                      f'runs): {np.median(ours):.2f} and {np.median(reference):.2f} s',
                      f'at least {least} times' if least else '', least is None or bool(np.median(ratios) >= least))


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--images', type=int, default=1500, help='images (default: %(default)s)')
    parser.add_argument('--runs', type=int, default=2, help='times that each is run (default: %(default)s)')
    arguments = parser.parse_args()
    print_table(rows(arguments.images, arguments.runs))


if __name__ == '__main__':
    main()
