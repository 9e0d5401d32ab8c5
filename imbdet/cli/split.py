"""``imbdet split ANN --val 0.2 --out FOLDER``: divide a data set into training and validation images.

Writes train.json and val.json, or with --folds K the same for each fold, in fold_0/, fold_1/, ... Every class is in both, as
far as its images allow, with its share of images and boxes. Images of the same group, and exact copies, stay together. Also
writes a page that compares the split with random ones, ``index.html``, and the numbers as ``split.json`` and ``split.csv``.
"""

import argparse
import hashlib
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from imbdet.annotations import AnnotationArrays


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('source', metavar='ANN', type=Path,
                        help='annotation file in COCO or LVIS format, YOLO data set or VOC folder')
    parts = parser.add_mutually_exclusive_group(required=True)
    parts.add_argument('--val', type=float, metavar='SHARE', help='share of the images for validation, such as 0.2')
    parts.add_argument('--folds', type=int, metavar='K', help='make K folds; each image is for validation in one of them')
    parser.add_argument('--group-by', metavar='RULE',
                        help='keep images together: a key of the images, such as video_id, or a regular expression for file '
                        r"names, such as 'patient\d+', whose match names the group")
    parser.add_argument('--images', type=Path, metavar='FOLDER',
                        help='folder of the images, to keep exact copies together (default: the folder of a YOLO or VOC data '
                        'set; without a folder only file names are compared)')
    parser.add_argument('--part', help='part of a YOLO data set or VOC folder to divide, such as train')
    parser.add_argument('--seed', type=int, default=0, help='seed (default: %(default)s)')
    parser.add_argument('--out', type=Path, metavar='FOLDER', required=True, help='folder to write to')


def run(arguments: argparse.Namespace) -> None:
    """Divide the images, write the annotation files and the report, and print the report."""
    from imbdet.annotations import to_arrays
    from imbdet.annotations.content import to_json
    from imbdet.annotations.formats import data_root, read_checked
    from imbdet.annotations.splitting import box_counts, split_images
    from imbdet.data.image_reader import image_size
    from imbdet.reports.dataset.split_files import check_overwriting, part_files, write_parts
    from imbdet.reports.dataset.split_numbers import SplitOptions, analyze_split
    from imbdet.reports.dataset.split_report import write_split_report
    from imbdet.reports.drawing.figures import new_figure

    new_figure(1, 1)  # fail now if matplotlib is missing
    source, out = arguments.source, arguments.out
    if arguments.seed < 0:
        raise ValueError(f'--seed must be at least 0, got {arguments.seed}')
    options = SplitOptions(source, _shares(arguments.val, arguments.folds), arguments.folds is not None, arguments.seed,
                           arguments.group_by)
    if arguments.images is not None and not arguments.images.is_dir():
        raise FileNotFoundError(f'no such folder: {arguments.images}; --images is the folder that the file names start from')
    files = part_files(out, arguments.folds)
    check_overwriting(out, files, source)
    content, typed, faults = read_checked(source, image_size, arguments.part)
    to_json(content, source)  # raises for numbers that the parts could not hold, before anything is written
    columns = to_arrays(typed)
    _check_images_of_boxes(source, columns)
    groups, copies = _groups(content['images'], arguments.images or data_root(source), options.group_by)
    boxes = box_counts(columns, len(typed.categories))
    parts = split_images(boxes, groups, options.shares, options.seed, None if options.is_folds else 0)
    findings = analyze_split(options, [category.name for category in typed.categories], boxes, groups, parts, copies,
                             faults.lines())
    report = write_split_report(out, findings)
    write_parts(files, content, parts, findings.split)
    print(report)
    for line in faults.lines():
        print(f'imbdet: warning: {line}', file=sys.stderr)
    names = tuple(category.name for category in typed.categories)
    print(f'In the config: metainfo=dict(classes={names})\n')
    print(f'wrote {out / "index.html"}, split.json, split.csv and {len(files) * 2} annotation files: '
          f'{files[0].train}, {files[0].val}' + (', ...' if len(files) > 1 else ''))


def _shares(val: float | None, folds: int | None) -> list[float]:
    """Return the shares of training and validation images, or of the folds."""
    if val is not None:
        if not 0 < val < 1:
            raise ValueError(f'--val must be a share of the images in (0, 1), such as 0.2, got {val:g}')
        return [1 - val, val]
    assert folds is not None
    if folds < 2:
        raise ValueError(f'--folds must be at least 2, got {folds}')
    return [1 / folds] * folds


def _check_images_of_boxes(source: Path, columns: 'AnnotationArrays') -> None:
    from imbdet.annotations import AnnotationError

    orphans = int((columns.images < 0).sum())
    if orphans:
        raise AnnotationError(f'{source}: {orphans} annotations belong to images that the file does not list, and so to no '
                              f'part; run imbdet fix {source}')


def _groups(images: Sequence[dict[str, Any]], folder: Path | None,
            group_by: str | None) -> tuple['np.ndarray', list[list[str]]]:
    """Return the group of each image, and the names of exact copies."""
    from imbdet.annotations.splitting import find_copies, group_names, image_name, join_groups

    names = [image_name(image) for image in images]
    by_rule = [] if group_by is None else [group_names(images, group_by)]
    labels = find_copies(names, None if folder is None else _pixel_digest(folder))
    same = defaultdict(list)
    for label, name in zip(labels, names, strict=True):
        same[label].append(str(name))
    return join_groups(labels, *by_rule), [copies for copies in same.values() if len(copies) > 1]


def _pixel_digest(folder: Path) -> Callable[[str], bytes]:
    """Return a function that digests the pixels of an image as mmdet sees them."""
    from imbdet.data.image_reader import ImageReader

    reader = ImageReader()

    def digest(name: str) -> bytes:
        try:
            pixels = reader.read(folder / name)
        except FileNotFoundError as error:
            raise FileNotFoundError(f'{folder / name} does not exist; --images is the folder that the file names start '
                                    'from') from error
        return hashlib.blake2b(repr(pixels.shape).encode() + pixels.tobytes(), digest_size=16).digest()

    return digest
