"""``imbdet fix ANN [--out FILE]``: fix the faults of an annotation file.

Without --out, it says what it would change and writes nothing. With it, the fixed file is checked and written, and next to it
FILE's name with the ending .fixes.json: all changes with the ids of all entries. The input is never overwritten.

Where the file alone does not tell what is right, nothing is written until an option decides. The options say which.
"""

import argparse
import codecs
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imbdet.files import atomic_write

if TYPE_CHECKING:
    from imbdet.annotations.fixes import FixOptions, ImageFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('ann', metavar='ANN', type=Path, help='annotation file in COCO or LVIS format, or a YOLO or VOC folder')
    parser.add_argument('--out', type=Path, metavar='FILE', help='file to write (default: only report)')
    parser.add_argument('--part', help="part of a YOLO data set or VOC folder, such as 'train'")
    parser.add_argument('--images', type=Path, metavar='FOLDER', help='compare sizes with the image files of this folder')
    parser.add_argument('--boxes', choices=('xywh', 'xyxy', 'relative'),
                        help='what the boxes of ANN are: x, y, width, height; x1, y1, x2, y2; or fractions of the image')
    parser.add_argument('--boxes-drawn-at', choices=('stated', 'file'),
                        help='if sizes differ: turn or scale boxes from the size in ANN, or only correct the size')
    parser.add_argument('--masks', choices=('box', ), help='give annotations without a mask their box as one')
    parser.add_argument('--crowd', choices=('keep', 'objects'), help='if all annotations are crowds: keep, or make objects')
    parser.add_argument('--swapped-sizes', choices=('file', ),
                        help='if width and height are exchanged without an EXIF orientation: correct the size')
    parser.add_argument('--unknown', choices=('drop', ),
                        help='annotations of unknown images or categories, if they are more than half; drop removes them')
    parser.add_argument('--missing-images', choices=('keep', 'drop'), help='images without a readable file')
    parser.add_argument('--same-image-ids', choices=('keep-last', 'drop'), help='different images with one id')
    parser.add_argument('--same-category-ids', choices=('keep-last', 'drop'), help='categories of different names with one id')
    parser.add_argument('--same-names', choices=('merge', 'number'), help='categories with one name')
    parser.add_argument('--categories-like', type=Path, metavar='OTHER.json',
                        help='take over order and ids of the categories of another file, such as the training set')


def run(arguments: argparse.Namespace) -> None:
    """Fix the file, report and write it."""
    from imbdet.annotations.fixes import Change, fix_content
    from imbdet.annotations.formats.read_any import read_any
    from imbdet.data.image_reader import image_size

    path, out = arguments.ann, arguments.out
    if out is not None:
        _check_output(out, [path, arguments.categories_like])
    if arguments.images is not None and not arguments.images.is_dir():
        raise FileNotFoundError(f'no such folder: {arguments.images}; --images is the folder that the file names start from')
    content = read_any(path, image_size, arguments.part)
    try:
        report = fix_content(content, _options(arguments))
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    if _has_byte_order_mark(path):
        report.changes.insert(0, Change('byte order mark removed', 'file', [], is_removal=False))
    print('\n'.join([f'{path}', *report.lines()]))
    if out is None:
        print('Nothing written; ' + ('decide what is listed above, then add --out FILE' if report.decisions
                                     else '--out FILE writes the fixed file'))
        return
    if report.decisions:
        options = ', '.join(dict.fromkeys(decision.option for decision in report.decisions if decision.option))
        by_hand = any(decision.option is None for decision in report.decisions)
        raise ValueError(f'{path}: nothing written; to decide what is listed above, '
                         + ' and '.join([*([f'give {options}'] if options else []),
                                         *(['correct by hand what no option decides'] if by_hand else [])]))
    _write_checked(out, content)
    with atomic_write(_report_file(out)) as temporary:
        record = {'input': str(path), 'output': str(out), **report.as_json()}
        temporary.write_text(json.dumps(record, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')
    print(f'wrote {out} and {_report_file(out)}')


def _options(arguments: argparse.Namespace) -> 'FixOptions':
    from imbdet.annotations.content import read_content
    from imbdet.annotations.fixes import FixOptions

    others = arguments.categories_like and read_content(arguments.categories_like)['categories']
    return FixOptions(
        same_image_ids=arguments.same_image_ids, same_category_ids=arguments.same_category_ids,
        same_names=arguments.same_names, boxes=arguments.boxes, crowd=arguments.crowd,
        boxes_drawn_at=arguments.boxes_drawn_at, swapped_sizes=arguments.swapped_sizes,
        unknown=arguments.unknown, missing_images=arguments.missing_images, fill_masks=arguments.masks == 'box',
        categories_like=others,
        image_file=arguments.images and partial(_image_file, arguments.images))


def _image_file(folder: Path, file_name: str) -> 'ImageFile | None':
    """Return the size of an image; None if it is missing or unreadable."""
    from imbdet.annotations.fixes import ImageFile
    from imbdet.data.image_reader import image_size

    try:
        return ImageFile(*image_size(folder / file_name), _applied_orientation(folder / file_name))
    except (OSError, ValueError):
        return None


def _applied_orientation(path: Path) -> int:
    """Return the EXIF orientation that mmdet applies to an image; 1 if it shows the pixels as they are stored."""
    import numpy as np

    from imbdet.data.image_header import image_header, orientation
    from imbdet.data.image_reader import ImageReader

    stated = orientation(path)
    # OpenCV turns TIFF even where it is told not to; for PNG, WebP and others, it depends on its version.
    if stated == 1 or image_header(path).format in ('JPEG', 'TIFF'):
        return stated
    shown, stored = (ImageReader(color_type).read(path) for color_type in ('color', 'color_ignore_orientation'))
    return 1 if np.array_equal(shown, stored) else stated


def _has_byte_order_mark(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open('rb') as file:
        return file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8


def _report_file(out: Path) -> Path:
    return out.with_suffix('.fixes.json')


def _check_output(out: Path, inputs: Sequence[Path | None]) -> None:
    """Refuse to write over an input, or over a file that is not from an earlier fix."""
    if out.suffix != '.json':
        raise ValueError(f'--out must be a file that ends with .json, got {out}')
    for output in (out, _report_file(out)):
        if any(path is not None and output.resolve() == path.resolve() for path in inputs):
            raise ValueError(f'{output} is an input, which is never overwritten; choose another --out')
    if out.exists() and not _report_file(out).is_file():
        raise ValueError(f'{out} exists and is not from imbdet fix; choose another --out, or remove it')


def _write_checked(out: Path, content: dict[str, Any]) -> None:
    """Write the file, unless the checks still find a fault in it."""
    from imbdet.annotations import AnnotationError, find_faults, load_annotations, to_arrays

    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False), encoding='utf-8')
        typed = load_annotations(temporary)
        for fault in find_faults(typed, to_arrays(typed)):
            raise AnnotationError(f'{out}: not written: {fault.message}')
