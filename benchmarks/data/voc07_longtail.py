"""Make the long-tailed part of PASCAL VOC 2007 on which the benchmarks train, from the official archive of its test set.

    python benchmarks/data/voc07_longtail.py VOCtest_06-Nov-2007.tar --out data/voc07_longtail

The archive is http://host.robots.ox.ac.uk/pascal/VOC/voc2007/VOCtest_06-Nov-2007.tar (md5 b6e924de25625d8de591ea690078ad9f).
voc07_longtail/ next to this script has the images of both parts (train.txt, val.txt) and how often each class occurs in them
(counts.csv). The images are resized so that their longest side has 320 pixels. Difficult objects have iscrowd 1.
"""

import argparse
import contextlib
import csv
import json
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from PIL import Image
from tqdm import tqdm

from imbdet.annotations import AnnotationError
from imbdet.annotations.formats.voc import is_voc_folder
from imbdet.annotations.formats.voc_xml import VocObject, read_xml
from imbdet.cli.arguments import run_tool

LISTS = Path(__file__).with_suffix('')
PARTS = ('train', 'val')
LONGEST_SIDE = 320
JPEG_QUALITY = 88
OFFICIAL = 'VOCtest_06-Nov-2007.tar'


def read_list(path: Path) -> list[str]:
    """Read the names of a part's images, such as ``000001``, which are also their ids."""
    names = path.read_text(encoding='utf-8').split()
    wrong = next((name for name in names if not (name.isascii() and name.isdigit())), None)
    if wrong is not None:
        raise ValueError(f"{path}: {wrong!r} is not the name of a VOC 2007 image, such as '000001'; correct the line")
    return names


def read_counts(path: Path) -> dict[str, dict[str, int]]:
    """Read the counts of each class: images, boxes and difficult boxes of each part. Difficult ones count only as such."""
    with path.open(newline='', encoding='utf-8') as file:
        return {row.pop('class'): {key: int(value) for key, value in row.items()} for row in csv.DictReader(file)}


@contextlib.contextmanager
def voc_folder(source: Path, names: Sequence[str], scratch: Path) -> Iterator[Path]:
    """Yield a folder with Annotations and JPEGImages: that of an unpacked archive, or images of an archive, unpacked there."""
    if source.is_dir():
        folders = [folder for folder in (source, source / 'VOC2007', source / 'VOCdevkit/VOC2007') if is_voc_folder(folder)]
        if not folders:
            raise FileNotFoundError(f'{source} has no folder VOC2007 with Annotations and JPEGImages; unpack {OFFICIAL} there')
        yield folders[0]
    elif not source.exists():
        raise FileNotFoundError(f'archive not found: {source}; download {OFFICIAL}')
    else:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            unpack(source, names, Path(folder))
            yield Path(folder)


def unpack(archive: Path, names: Sequence[str], folder: Path) -> None:
    """Unpack the images of these names and their labels."""
    wanted = {member for name in names for member in (f'Annotations/{name}.xml', f'JPEGImages/{name}.jpg')}
    for kind in ('Annotations', 'JPEGImages'):
        (folder / kind).mkdir()
    try:
        with tarfile.open(archive) as tar, tqdm(total=len(wanted), desc='unpacking', unit='file', disable=None) as progress:
            for member in tar:
                path = '/'.join(PurePosixPath(member.name).parts[-2:])
                content = tar.extractfile(member) if path in wanted else None
                if content is not None:
                    (folder / path).write_bytes(content.read())
                    progress.update()
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f'{archive} is not a readable archive ({error}); download {OFFICIAL} again') from error


def check_complete(source: Path, folder: Path, names: Sequence[str]) -> None:
    """Raise FileNotFoundError if an image or its labels are missing."""
    for name in names:
        for path in (f'Annotations/{name}.xml', f'JPEGImages/{name}.jpg'):
            if not (folder / path).is_file():
                raise FileNotFoundError(f'{source} has no {path}; it is incomplete or not {OFFICIAL}')


def resize(path: Path, target: Path) -> tuple[tuple[int, int], tuple[int, int]]:
    """Write the resized image; return width and height before and after."""
    try:
        with Image.open(path) as image:
            scale = LONGEST_SIDE / max(image.size)
            width, height = (round(side * scale) for side in image.size)
            image.convert('RGB').resize((width, height), Image.Resampling.BICUBIC).save(target, quality=JPEG_QUALITY)
            return image.size, (width, height)
    except (OSError, SyntaxError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # from the operating system; it names the file
            raise
        raise ValueError(f'{path.name} is not a readable image; unpack or download the archive again') from error


def box_entry(entry: VocObject, scale: tuple[float, float]) -> dict:
    """Return bbox, area and flags of an object in the resized image. ``scale`` is of x and y, new size / old size.

    VOC counts pixels from 1, and the last pixel belongs to the box: a box from xmin to xmax covers the range from xmin - 1 to
    xmax. :func:`read_xml` has subtracted 1 from all corners already.
    """
    left, top, right, bottom = entry.corners
    x1, y1, x2, y2 = left * scale[0], top * scale[1], (right + 1) * scale[0], (bottom + 1) * scale[1]
    return {'bbox': [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)], 'area': round((x2 - x1) * (y2 - y1), 2),
            'iscrowd': int(entry.is_difficult), 'difficult': int(entry.is_difficult)}


def convert(folder: Path, names: Sequence[str], classes: Sequence[str], target: Path) -> dict:
    """Write the resized images to ``target`` and return the content of their annotation file."""
    images: list[dict] = []
    annotations: list[dict] = []
    for name in tqdm(names, desc='resizing', unit='image', disable=None):
        old, new = resize(folder / f'JPEGImages/{name}.jpg', target / f'{name}.jpg')
        images.append({'id': int(name), 'file_name': f'{name}.jpg', 'width': new[0], 'height': new[1]})
        for entry in read_xml(folder / f'Annotations/{name}.xml').objects:
            if entry.name not in classes:
                raise AnnotationError(f'Annotations/{name}.xml: unknown class {entry.name!r}; take the labels of {OFFICIAL}')
            annotations.append({'id': len(annotations) + 1, 'image_id': int(name),
                                'category_id': classes.index(entry.name) + 1,
                                **box_entry(entry, (new[0] / old[0], new[1] / old[1]))})
    return {'info': {'description': f'PASCAL VOC2007 test images, resized to {LONGEST_SIDE}'}, 'images': images,
            'annotations': annotations,
            'categories': [{'id': number, 'name': name} for number, name in enumerate(classes, 1)]}


def count(content: dict) -> dict[str, Counter[str]]:
    """Count the images, boxes and difficult boxes of each class."""
    names = {category['id']: category['name'] for category in content['categories']}
    easy = [box for box in content['annotations'] if not box['iscrowd']]
    return {'images': Counter(names[label] for _, label in {(box['image_id'], box['category_id']) for box in easy}),
            'boxes': Counter(names[box['category_id']] for box in easy),
            'difficult': Counter(names[box['category_id']] for box in content['annotations'] if box['iscrowd'])}


def check_counts(contents: dict[str, dict], expected: dict[str, dict[str, int]]) -> None:
    """Raise ValueError if a class occurs more or less often than it should."""
    for part, content in contents.items():
        for key, found in count(content).items():
            for name, counts in expected.items():
                if found[name] != counts[f'{part}_{key}']:
                    raise ValueError(f'class {name!r}: {part}_{key} must be {counts[f"{part}_{key}"]}, got {found[name]}; the '
                                     f'labels are not those of {OFFICIAL}')


def run(arguments: argparse.Namespace) -> None:
    """Make the data set in a temporary folder, check it and rename the folder; an error leaves none."""
    source, out = arguments.archive, arguments.out
    if out.exists() or out.is_symlink():
        raise FileExistsError(f'{out} exists already; remove it or choose another --out')
    expected = read_counts(arguments.lists / 'counts.csv')
    parts = {part: read_list(arguments.lists / f'{part}.txt') for part in PARTS}
    names = [name for part in parts.values() for name in part]
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f'.{out.name}-') as scratch:
        made = Path(scratch) / 'made'  # readable for all, other than the temporary folder
        (made / 'images').mkdir(parents=True)
        with voc_folder(source, names, Path(scratch)) as folder:
            check_complete(source, folder, names)
            contents = {part: convert(folder, parts[part], list(expected), made / 'images') for part in PARTS}
        check_counts(contents, expected)
        for part, content in contents.items():
            (made / f'{part}.json').write_text(json.dumps(content, separators=(',', ':')))
        made.rename(out)
    for part, content in contents.items():
        crowds = sum(box['iscrowd'] for box in content['annotations'])
        print(f'wrote {out / part}.json: {len(content["images"])} images, {len(content["annotations"]) - crowds} objects, '
              f'{crowds} difficult ones')
    print(f'images and boxes of each class are those of {arguments.lists / "counts.csv"}')


def main() -> None:
    """Read the command line and make the data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('archive', type=Path, help='VOCtest_06-Nov-2007.tar, or the folder VOCdevkit that it contains')
    parser.add_argument('--out', type=Path, required=True, help='folder to make, such as data/voc07_longtail')
    parser.add_argument('--lists', type=Path, default=LISTS,
                        help='folder with train.txt, val.txt and counts.csv (default: the one next to this script)')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
