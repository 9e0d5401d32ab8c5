"""Time ``tools/analysis/imbalance_report.py`` on an annotation file of LVIS v1's training set's size, and its memory.

    python benchmarks/imbalance_report.py [--runs 1] [--folder FOLDER]

The file has 100,170 images and 1,270,141 boxes with polygons, about 1 GB, made up and written to a temporary folder; each
class has as many images and boxes as in LVIS v1. The counts in the report are compared with them. Takes minutes.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
COUNTS = ROOT / 'tests/stored/lvis_v1_counts.csv'
NUM_IMAGES = 100170
POLYGON_POINTS = 44  # makes the file as large as LVIS's


def read_counts() -> list[dict]:
    """Read the images and boxes of each of LVIS v1's classes."""
    with COUNTS.open(newline='') as file:
        return list(csv.DictReader(file))


def write_annotations(out: Path, counts: list[dict]) -> None:
    """Write a file of LVIS's size, annotation by annotation, so that it is never in memory as a whole."""
    rng = np.random.default_rng(0)
    polygons = [json.dumps([rng.uniform(0, 640, 2 * POLYGON_POINTS).round(2).tolist()]) for _ in range(500)]
    with out.open('w') as file:
        file.write('{"info": {}, "licenses": [], "images": [')
        file.write(',\n'.join(f'{{"id": {index}, "width": 640, "height": 480, "coco_url": "http://images/{index:012d}.jpg", '
                              '"neg_category_ids": [], "not_exhaustive_category_ids": []}' for index in range(NUM_IMAGES)))
        file.write('], "categories": ' + json.dumps([{'id': index + 1, 'name': row['name'], 'frequency': row['frequency']}
                                                     for index, row in enumerate(counts)]) + ', "annotations": [')
        number = 0
        for index, row in enumerate(tqdm(counts, disable=None, unit='class')):
            held = rng.choice(NUM_IMAGES, int(row['image_count']), replace=False)
            extra = rng.choice(held, int(row['instance_count']) - len(held))  # each image has one of the boxes at least
            sides = np.exp(rng.uniform(np.log(2), np.log(400), (len(held) + len(extra), 2))).round(2)
            for image, (width, height) in zip(np.concatenate([held, extra]).tolist(), sides.tolist(), strict=True):
                number += 1
                file.write(f'{"" if number == 1 else ","}\n{{"id": {number}, "image_id": {image}, "category_id": {index + 1}, '
                           f'"bbox": [10.5, 20.25, {width}, {height}], "area": {0.7 * width * height:.2f}, '
                           f'"segmentation": {polygons[number % len(polygons)]}}}')
        file.write(']}\n')


def run_report(annotations: Path, out: Path) -> tuple[float, float]:
    """Run the tool in a process of its own; return its seconds and its peak memory in GB."""
    start = time.perf_counter()
    command = [sys.executable, ROOT / 'tools/analysis/imbalance_report.py', annotations, '--out', out]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f'the report ended with {process.returncode}')
    return time.perf_counter() - start, usage.ru_maxrss / 1e6  # kilobytes on Linux


def check(report: dict, counts: list[dict]) -> None:
    """Raise unless the report has LVIS's counts."""
    found = [(row['name'], row['images'], row['boxes']) for row in report['classes']]
    expected = [(row['name'], int(row['image_count']), int(row['instance_count'])) for row in counts]
    if found != expected or report['num_images'] != NUM_IMAGES:
        raise RuntimeError('the counts in the report are not those that the file was made with')


def main() -> None:
    """Make the file, run the report on it and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, default=1, help='times that the report is made (default: %(default)s)')
    parser.add_argument('--folder', type=Path, help='where to make the temporary folder (default: the system\'s)')
    arguments = parser.parse_args()
    counts = read_counts()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        annotations, out = Path(name) / 'lvis_sized.json', Path(name) / 'report'
        write_annotations(annotations, counts)
        print(f'made {annotations.stat().st_size / 1e9:.2f} GB')
        for _ in range(arguments.runs):
            seconds, memory = run_report(annotations, out)
            check(json.loads((out / 'report.json').read_bytes()), counts)
            print(f'report: {seconds:.1f} s, peak memory {memory:.2f} GB (at most 30 s and 4 GB allowed); load average '
                  + ' '.join(f'{load:.1f}' for load in os.getloadavg()) + f' on {os.cpu_count()} cores')


if __name__ == '__main__':
    main()
