"""``imbdet longtail ANN --ratio 100 --out FILE``: thin a set to a long tail, for experiments.

Whole images are kept or removed until the classes are near to an exponential or a Pareto curve, the most frequent class of the
set still the most frequent one. Prints the counts that were reached, and writes them with a picture next to FILE.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imbdet.reports.dataset.long_tail_thinning import ThinnedSet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('source', metavar='ANN', type=Path,
                        help='annotation file in COCO or LVIS format, YOLO data set or VOC folder')
    parser.add_argument('--ratio', type=float, required=True,
                        help='wanted count of the most frequent class divided by that of the rarest, such as 100')
    parser.add_argument('--curve', choices=['exponential', 'pareto'], default='exponential',
                        help='how the counts fall from class to class (default: %(default)s)')
    parser.add_argument('--count', choices=['images', 'boxes'], default='images',
                        help='what is counted of each class (default: %(default)s)')
    parser.add_argument('--part', help='part of a YOLO data set or VOC folder to thin, such as train')
    parser.add_argument('--seed', type=int, default=0, help='seed (default: %(default)s)')
    parser.add_argument('--out', type=Path, metavar='FILE', required=True, help='annotation file to write, in COCO format')


def run(arguments: argparse.Namespace) -> None:
    """Choose the images, write the annotation file and the report, and print the report."""
    import numpy as np

    from imbdet.annotations import to_arrays
    from imbdet.annotations.formats import read_checked
    from imbdet.annotations.long_tail import choose_images, tail_targets
    from imbdet.annotations.splitting import box_counts
    from imbdet.data.image_reader import image_size
    from imbdet.reports.dataset.long_tail_thinning import Counts, ThinnedSet, write_thinning_report
    from imbdet.reports.drawing.figures import new_figure

    new_figure(1, 1)  # fail now if matplotlib is missing
    source, out = arguments.source, arguments.out
    _check_out(source, out)
    content, typed, faults = read_checked(source, image_size, arguments.part)
    boxes = box_counts(to_arrays(typed), len(typed.categories))
    images = boxes.sign()
    amounts = images if arguments.count == 'images' else boxes
    targets = tail_targets(amounts.sum(axis=0), arguments.ratio, arguments.curve)
    kept = np.flatnonzero(choose_images(amounts, targets, arguments.seed))
    before, after = (Counts(len(chosen), images[chosen].sum(axis=0), boxes[chosen].sum(axis=0))
                     for chosen in (np.arange(len(typed.images)), kept))
    num_empty = int(np.count_nonzero(np.diff(boxes.indptr) == 0))
    thinned = ThinnedSet(source, [category.name for category in typed.categories], arguments.ratio, arguments.curve,
                         arguments.count, arguments.seed, targets, before, after, num_empty)
    _write(thinned, out, content, kept.tolist())
    print(write_thinning_report(out, thinned))
    print(f'wrote {out}, and next to it {out.stem}.longtail.csv and {out.stem}.longtail.png')
    for line in faults.lines():
        print(f'imbdet: warning: {line}', file=sys.stderr)


def _check_out(source: Path, out: Path) -> None:
    if out.suffix != '.json':
        raise ValueError(f'--out must be a file that ends with .json, got {out}')
    if out.resolve() == source.resolve():
        raise ValueError(f'{out} is the input; choose another file for --out')
    if out.exists() and not out.with_suffix('.longtail.csv').is_file():
        raise ValueError(f'{out} exists and is not from imbdet longtail; choose another --out, or remove it')


def _write(thinned: 'ThinnedSet', out: Path, content: dict[str, Any], kept: list[int]) -> None:
    """Write the chosen images with their annotations; LVIS's keys of the categories describe them."""
    from imbdet.annotations.content import to_json
    from imbdet.annotations.splitting import part_content, training_categories
    from imbdet.classes import frequency_groups
    from imbdet.files import atomic_write

    images, boxes = thinned.after.images, thinned.after.boxes
    categories = training_categories(content['categories'], images, boxes, frequency_groups(images).tolist())
    part = part_content(content, {content['images'][position]['id'] for position in kept}, categories)
    text = to_json(part, thinned.source)
    with atomic_write(out) as path:
        path.write_text(text, encoding='utf-8')
