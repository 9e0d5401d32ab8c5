"""Convert boxes of KAIST's multispectral pedestrians to COCO format: ``tools/data/kaist2coco.py IMAGES TRAIN TEST``.

IMAGES has the folders set00 to set11, with images such as set06/V000/visible/I00019.jpg and set06/V000/lwir/I00019.jpg. TRAIN
and TEST have one label file per frame, named set06/V000/I00019 or set06_V000_I00019, as ``% bbGt version=3`` text (.txt) or as
XML: KAIST's own, the sanitized training labels (Li et al., BMVC 2018), the improved test labels (Liu et al., BMVC 2016).

Of set00 to set05, every other frame that has a label file is for training (--train-step), and a tenth of these is held out for
validation. Of set06 to set11, every 20th frame is for testing. Only ``person`` is an object. As in the benchmark, ``people``,
``person?``, ``cyclist`` and boxes marked ``ignore`` are ignored: they become crowd boxes, and so does ``person?a``. Unlike in
the benchmark's "reasonable" setting, small and heavily occluded persons count.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from hold_out import description, hold_out
from voc_pairs import Box, Pair, check_label, convert, finite, make_box, print_counts, read_boxes, write_contents

from imbdet.annotations import AnnotationError
from imbdet.cli.arguments import run_tool

CLASSES = ('person', )
IGNORED = dict.fromkeys(('people', 'cyclist', 'person?', 'person?a'), 'person')
LABELS = (*CLASSES, *IGNORED)
CAMERAS = {'visible': 'visible image', 'lwir': 'infrared image'}
TRAIN_SETS, TEST_SETS = range(6), range(6, 12)
TEST_STEP = 20
HEADER = '% bbGt version=3'
KEYS = ('label', 'x', 'y', 'width', 'height', 'occluded', 'visible_x', 'visible_y', 'visible_width', 'visible_height', 'ignore',
        'angle')
FRAME = re.compile(r'(?:.*/)?set([0-9]{2})[/_]V([0-9]{3})[/_]I([0-9]{5})')


def find_labels(root: Path, sets: range, step: int) -> dict[str, Path]:
    """Find label files by frame, such as set06/V000/I00019.

    Args:
        root: Folder with the files, in any subfolder.
        sets: Numbers of the sets whose frames are wanted.
        step: Every ``step``-th frame of a video is wanted, as in the benchmark's lists: step - 1, 2 * step - 1, ...

    Returns:
        The files in the order of set, video and frame.

    Raises:
        FileNotFoundError: If there are none.
        ValueError: If a file has a name of another form, or two belong to the same frame.
    """
    if not root.is_dir():
        raise FileNotFoundError(f'folder not found: {root}; unpack the label files there')
    paths, skipped = dict[str, Path](), 0
    for path in sorted(path for suffix in ('txt', 'xml') for path in root.rglob(f'*.{suffix}')):
        match = FRAME.fullmatch(path.relative_to(root).with_suffix('').as_posix())
        if match is None:
            raise ValueError(f'{path}: the name must be like set06/V000/I00019 or set06_V000_I00019, with one label file per '
                             'frame; rename or remove it')
        number, video, frame = match.groups()
        if int(number) not in sets or int(frame) % step != step - 1:
            skipped += 1
            continue
        key = f'set{number}/V{video}/I{frame}'
        if key in paths:
            raise ValueError(f'{paths[key]} and {path} are both the label file of {key}; remove one of them')
        paths[key] = path
    if not paths:
        raise FileNotFoundError(f'no label file of set{sets[0]:02} to set{sets[-1]:02} in {root} is of a frame {step - 1}, '
                                f'{2 * step - 1}, ...; unpack the label files there')
    print(f'{root}: {len(paths)} label files; of other sets, or beside one frame in {step}, skipped: {skipped}')
    return {key: paths[key] for key in sorted(paths)}


def find_pairs(images: Path, labels: dict[str, Path]) -> list[Pair]:
    """Return the pairs of the label files; raise FileNotFoundError if an image is missing."""
    for camera, kind in CAMERAS.items():
        missing = [key for key in labels if not image(images, key, camera).is_file()]
        if missing:
            raise FileNotFoundError(f'{labels[missing[0]]} has no {kind} {image(images, missing[0], camera)} ({len(missing)} '
                                    'have none); unpack it or remove the label file')
    return [Pair(int(re.sub('[^0-9]', '', key)), image(Path(), key, 'visible').as_posix(), image(images, key, 'visible'),
                 image(images, key, 'lwir'), path) for key, path in labels.items()]


def check_test_frames(images: Path, labels: dict[str, Path]) -> None:
    """Raise FileNotFoundError if an image that the benchmark tests on has no label file."""
    for camera, kind in CAMERAS.items():
        for path in sorted(path for number in TEST_SETS for path in images.glob(f'set{number:02}/V*/{camera}/I*.jpg')):
            key = f'{path.parents[2].name}/{path.parents[1].name}/{path.stem}'
            if int(path.stem[1:]) % TEST_STEP == TEST_STEP - 1 and key not in labels:
                raise FileNotFoundError(f'the {kind} {path} is a test frame, but has no label file; add it (a frame without '
                                        'objects has one without boxes) or remove the image')


def image(root: Path, key: str, camera: str) -> Path:
    """Return the image of a frame such as set06/V000/I00019."""
    video, frame = key.rsplit('/', 1)
    return root / video / camera / f'{frame}.jpg'


def read_labels(path: Path, content: bytes, visible: Path, size: tuple[int, int], labels: Sequence[str]) -> list[Box]:
    """Parse a label file, text or XML; arguments, result and errors as of ``voc_pairs.read_boxes``."""
    if path.suffix == '.xml':
        return read_boxes(path, content, visible, size, labels)
    header, *lines = content.decode('utf-8-sig', errors='replace').splitlines() or ['']
    if header.strip() != HEADER:
        raise AnnotationError(f'{path}: the first line must be {HEADER!r}, got {header!r}; unpack it again')
    boxes = []
    for number, line in enumerate(lines, 2):
        try:
            if line.strip():
                boxes.append(parse_line(line, size, labels))
        except ValueError as error:
            raise AnnotationError(f'{path}, line {number}: {error}') from error
    return boxes


def parse_line(line: str, size: tuple[int, int], labels: Sequence[str]) -> Box:
    """Parse a line of a text file; raise ValueError if it is wrong."""
    label, *texts = line.split()
    if len(texts) != len(KEYS) - 1:
        raise ValueError(f'a box must have {len(KEYS)} values ({" ".join(KEYS)}), got {len(texts) + 1}; correct the line')
    check_label(label, labels)
    values = {key: finite(key, text) for key, text in zip(KEYS[1:], texts, strict=True)}
    if values['ignore'] not in (0, 1):
        raise ValueError(f'ignore must be 0 or 1, got {values["ignore"]:g}; correct it')
    x, y = values['x'], values['y']
    return make_box(label, (x, y, x + values['width'], y + values['height']), size, values['ignore'] == 1)


def run(arguments: argparse.Namespace) -> None:
    """Convert both parts of the data set, then write the files; an error leaves none."""
    if arguments.train_step < 1:
        raise ValueError(f'--train-step must be 1 or more, got {arguments.train_step}')
    train = find_pairs(arguments.images, find_labels(arguments.train, TRAIN_SETS, arguments.train_step))
    test_labels = find_labels(arguments.test, TEST_SETS, TEST_STEP)
    check_test_frames(arguments.images, test_labels)
    train, valid = hold_out(train, arguments.seed)
    split = {'train': train, 'valid': valid, 'test': find_pairs(arguments.images, test_labels)}
    parts = {part: convert(pairs, CLASSES, LABELS, IGNORED, read_labels) for part, pairs in split.items()}
    print(description(arguments.seed))
    print_counts([box for _, boxes in parts.values() for box in boxes], CLASSES, LABELS, IGNORED)
    folder = arguments.out or arguments.images / 'annotations'
    write_contents({folder / f'kaist_{part}.json': {**content, 'info': {**split_info(part, arguments), **content['info']}}
                    for part, (content, _) in parts.items()})


def split_info(part: str, arguments: argparse.Namespace) -> dict[str, str]:
    """Return how the frames of a file were chosen."""
    if part == 'test':
        return {'split': f'one frame in {TEST_STEP}'}
    return {'split': f'one frame in {arguments.train_step}; {description(arguments.seed)}'}


def main() -> None:
    """Read the command line and convert."""
    parser = argparse.ArgumentParser(description="Convert boxes of KAIST's multispectral pedestrians to COCO format")
    parser.add_argument('images', type=Path, help='folder with set00 to set11')
    parser.add_argument('train', type=Path, help='folder with the label files of set00 to set05')
    parser.add_argument('test', type=Path, help='folder with the label files of set06 to set11')
    parser.add_argument('--out', type=Path, help='folder to write to (default: IMAGES/annotations)')
    parser.add_argument('--train-step', type=int, default=2, metavar='N',
                        help="train on one frame in N: 2 as the sanitized labels, 20 as MiPa's code (default: %(default)s)")
    parser.add_argument('--seed', type=int, default=0, help='seed of the validation frames; the same seed gives the same split')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
