"""Convert LLVIP's boxes to COCO format: ``tools/data/llvip2coco.py LLVIP_ROOT [--release TEXT]``.

A tenth of the training pairs is held out for validation, in runs of frames: llvip_train.json, llvip_valid.json, both with
images of train/, and llvip_test.json. Both images of a pair share a file: ``file_name`` is their common name, and the config
sets the folder, such as ``infrared/train/``. LLVIP's authors corrected boxes on 2023-02-21. Therefore ``info`` of a file
contains the release from --release and the sha256 of the XML files that it was created from, concatenated in the order of
their names.
"""

import argparse
from pathlib import Path

from hold_out import description, hold_out
from voc_pairs import Files, Pair, check_partners, convert, find_files, print_counts, write_contents

from imbdet.cli.arguments import run_tool

SPLITS = ('train', 'test')
CLASSES = ('person', )
NOT_STATED = 'not stated'


def six_digits(stem: str) -> str:
    """Return the stem; raise ValueError unless it is six digits, which are also unique as numbers."""
    if not (len(stem) == 6 and stem.isascii() and stem.isdigit()):
        raise ValueError('the name is not six digits, as in 010001, so it has no image id')
    return stem


def find_pairs(root: Path) -> dict[str, list[Pair]]:
    """Return the pairs of each existing split; raise unless all images and XML files have partners."""
    splits = [split for split in SPLITS if any((root / folder / split).is_dir() for folder in ('visible', 'infrared'))]
    if not splits:
        raise FileNotFoundError(f'neither {root / "visible/train"} nor {root / "visible/test"} exists; unpack LLVIP into '
                                'LLVIP_ROOT')
    labels = find_files('XML file', root / 'Annotations/*.xml', six_digits)
    pairs, in_splits = {}, dict[str, Path]()
    for split in splits:
        visible = find_files('visible image', root / f'visible/{split}/*.jpg', six_digits)
        infrared = find_files('infrared image', root / f'infrared/{split}/*.jpg', six_digits)
        for ours, others in ((visible, infrared), (infrared, visible), (visible, labels)):
            check_partners(ours, others)
        for stem in visible.paths:
            if stem in in_splits:
                raise ValueError(f'{in_splits[stem]} and {visible.paths[stem]} have the same image id; remove one of them')
        in_splits |= visible.paths
        pairs[split] = [Pair(int(stem), path.name, path, infrared.paths[stem], labels.paths[stem])
                        for stem, path in visible.paths.items()]
    if len(splits) == len(SPLITS):
        check_partners(labels, Files('visible image', root / 'visible/train/*.jpg', in_splits))
    else:  # XML files without images may belong to the other split
        print(f'only the {splits[0]} split exists; XML files without images, skipped: {len(labels.paths) - len(in_splits)}')
    return pairs


def run(arguments: argparse.Namespace) -> None:
    """Convert the existing splits, then write their files; an error leaves none."""
    pairs = find_pairs(arguments.llvip_root)
    how = {}
    if 'train' in pairs:
        pairs['train'], pairs['valid'] = hold_out(pairs['train'], arguments.seed)
        how = {part: {'split': description(arguments.seed)} for part in ('train', 'valid')}
        print(description(arguments.seed))
    parts = {part: convert(of_part, CLASSES, CLASSES) for part, of_part in pairs.items()}
    if arguments.release == NOT_STATED:
        print("the release is not stated: set --release to the date of your copy's annotations, such as 2023-02-21, the date "
              'of their correction, so that results can be compared')
    print_counts([box for _, boxes in parts.values() for box in boxes], CLASSES, CLASSES)
    folder = arguments.out or arguments.llvip_root / 'annotations'
    write_contents({folder / f'llvip_{part}.json': {
        **content, 'info': {'release': arguments.release, **how.get(part, {}), **content['info']}}
        for part, (content, _) in parts.items()})


def main() -> None:
    """Read the command line and convert."""
    parser = argparse.ArgumentParser(description="Convert LLVIP's boxes to COCO format")
    parser.add_argument('llvip_root', type=Path, help='folder with visible, infrared and Annotations')
    parser.add_argument('--out', type=Path, help='folder to write to (default: LLVIP_ROOT/annotations)')
    parser.add_argument('--release', default=NOT_STATED,
                        help='which annotations these are, such as 2023-02-21; written to info (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the validation frames; the same seed gives the same split')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
