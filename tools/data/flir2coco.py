"""Convert the boxes of FLIR_aligned to COCO format: ``tools/data/flir2coco.py FLIR_ROOT [--classes person car bicycle]``.

A tenth of align_train.txt is held out for validation, in runs of frames: flir_train.json, flir_valid.json, and flir_test.json
with the pairs of align_validation.txt, on which papers report. ``file_name`` is that of the visible image, such as
FLIR_00002_RGB.jpg; that of the infrared image ends in _PreviewData.jpeg.
"""

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hold_out import description, hold_out
from voc_pairs import Pair, check_partners, convert, find_files, print_counts, write_contents

from imbdet.cli.arguments import run_tool

LABELS = ('person', 'car', 'bicycle', 'dog')
LISTS = {'train': 'align_train.txt', 'test': 'align_validation.txt'}
NAME = re.compile(r'(FLIR_[0-9]{5})(_PreviewData|_RGB)?(\.[A-Za-z]+)?')


def check_classes(classes: Sequence[str]) -> None:
    """Raise ValueError unless ``classes`` are labels of the data set, each once."""
    for name, count in Counter(classes).items():
        if name not in LABELS:
            raise ValueError(f'--classes: FLIR_aligned has no class {name!r}; choose from {", ".join(LABELS)}')
        if count > 1:
            raise ValueError(f'--classes: {name} appears more than once; list each class once')


def frame(name: str) -> str:
    """Return FLIR_ and five digits, the common part of a pair's names; raise ValueError for other names."""
    match = NAME.fullmatch(name)
    if match is None:
        raise ValueError(f'{name!r} must be a name such as FLIR_00002_PreviewData, FLIR_00002_RGB or FLIR_00002')
    return match[1]


def find_pairs(root: Path) -> dict[str, Pair]:
    """Return the pairs by frame; raise unless all images and XML files have partners."""
    visible = find_files('visible image', root / 'JPEGImages/*_RGB.jpg', frame)
    infrared = find_files('infrared image', root / 'JPEGImages/*_PreviewData.jpeg', frame)
    labels = find_files('XML file', root / 'Annotations/*.xml', frame)
    for ours, others in ((visible, infrared), (infrared, visible), (visible, labels), (labels, visible)):
        check_partners(ours, others)
    return {name: Pair(int(name.removeprefix('FLIR_')), path.name, path, infrared.paths[name], labels.paths[name])
            for name, path in visible.paths.items()}


def read_lists(root: Path, pairs: dict[str, Pair]) -> dict[str, list[Pair]]:
    """Read both lists, sorted by frame; raise unless they contain existing pairs only, each once."""
    places, split = dict[str, str](), dict[str, list[Pair]]()
    for part, file_name in LISTS.items():
        path = root / file_name
        if not path.is_file():
            raise FileNotFoundError(f'list not found: {path}; FLIR_ROOT must contain {" and ".join(LISTS.values())}')
        listed = []
        for number, line in enumerate(path.read_text(encoding='utf-8-sig', errors='replace').splitlines(), 1):
            if not line.strip():
                continue
            place = f'{path}, line {number}'
            try:
                name = frame(line.strip())
            except ValueError as error:
                raise ValueError(f'{place}: {error}; correct the line') from error
            if name not in pairs:
                raise ValueError(f'{place}: there is no pair {name} in {root / "JPEGImages"}; add it or remove the line')
            if name in places:
                raise ValueError(f'{place}: {name} is listed already in {places[name]}; remove one of the lines')
            places[name] = place
            listed.append(name)
        if not listed:
            raise ValueError(f'{path} contains no pair; write one per line, such as FLIR_00002_PreviewData')
        split[part] = [pairs[name] for name in sorted(listed)]
    print(f'pairs in neither list, skipped: {len(pairs) - len(places)}')
    return split


def run(arguments: argparse.Namespace) -> None:
    """Convert both lists, then write the files; an error leaves none."""
    check_classes(arguments.classes)
    split = read_lists(arguments.flir_root, find_pairs(arguments.flir_root))
    split['train'], split['valid'] = hold_out(split['train'], arguments.seed)
    how = {part: {'split': description(arguments.seed)} for part in ('train', 'valid')}
    print(description(arguments.seed))
    parts = {part: convert(pairs, arguments.classes, LABELS) for part, pairs in split.items()}
    print_counts([box for _, boxes in parts.values() for box in boxes], arguments.classes, LABELS)
    folder = arguments.out or arguments.flir_root / 'annotations'
    write_contents({folder / f'flir_{part}.json': {**content, 'info': {**how.get(part, {}), **content['info']}}
                    for part, (content, _) in parts.items()})
    if (folder / 'flir_val.json').exists():
        print(f'{folder / "flir_val.json"} is from an earlier version of this tool, and its pairs are now in flir_test.json: '
              'delete it once no config of yours uses it')


def main() -> None:
    """Read the command line and convert."""
    parser = argparse.ArgumentParser(description='Convert the boxes of FLIR_aligned to COCO format')
    parser.add_argument('flir_root', type=Path, help=f'folder with JPEGImages, Annotations, {" and ".join(LISTS.values())}')
    parser.add_argument('--out', type=Path, help='folder to write to (default: FLIR_ROOT/annotations)')
    parser.add_argument('--classes', nargs='+', default=['person', 'car', 'bicycle'],
                        help='labels to detect, in this order (default: person car bicycle)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the validation frames; the same seed gives the same split')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
