"""Try the sampler, the checks, the counts and the metric on every data set class of mmdet, and write the table of them.

    python benchmarks/data_sets.py [--only CocoDataset VOCDataset] [--out docs/data_sets.md]

For each class, tiny files in its own format are written (with its own classes, and ids with gaps that do not ascend), and the
data set is built from them as a config does. What was written is known by the names of the classes, and what imbdet finds must
equal it. A refusal must name the class or the file. Everything else is a gap, which is listed; then the script fails. Takes a
minute.
"""

import argparse
import logging
import re
import sys
import tempfile
import textwrap
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import imbdet  # first: it says what an installation lacks and how to fix it

# isort: split
import mmdet
from data_set_checks import (
    Case,
    build,
    captured_log,
    check_counts,
    check_metric,
    check_of_built,
    check_of_config,
    check_sampler,
    metric_instead,
)
from data_set_families import BASES, DATA_SETS, NEED_PACKAGES
from data_set_files import write_coco
from data_set_wrappers import WRAPPERS, wrap
from mmdet.registry import DATASETS
from mmdet.utils import register_all_modules
from tqdm import tqdm

from imbdet.files import atomic_write

GAP, REFUSED = 'GAP: ', 'refused: '
EMPTY = ['-'] * 5
HEAD = """# Data sets

What imbdet does with each data set class of mmdet {mmdet}, found by `python benchmarks/data_sets.py --out docs/data_sets.md`
(imbdet {imbdet}).

For each class, a few boxes were written in its own format, and the data set was built from them. **sampler**
(RepeatFactorSampler) and **counts** (`imbdet.classes.dataset_counts`) are "yes" if they equal what was written, by the names of
the classes, and **metric** is LongTailMetric's AP of the ground truth itself, with the labels that the data set gives.
**config** (`check_config`, before a training) and **built** (`check_dataset_classes`, in the sampler) are "yes" if the right
classes are accepted, and a misspelled one and another order are refused by name.

- [n]: refused with the message below, which names the data set or its file.
- **no** [n]: not served, or refused without a name; the message says what happens.
- not read: the check does not know the format.
- `-`: not tried, since there are no boxes in images to evaluate, or nothing could be built.
- against a COCO file of its boxes: LongTailMetric cannot read the data set's own file, but one that the user writes in COCO's
  format, with the data set's `img_id` as ids of the images. `metric_instead` in `benchmarks/data_set_checks.py` does that.

| family | class | sampler | config | built | counts | metric | remark |
|---|---|---|---|---|---|---|---|
"""


def try_data_set(name: str, folder: Path) -> list[str]:
    """Write the files of a data set class, build it, and try everything.

    Args:
        name: The class.
        folder: Empty folder for its files.

    Returns:
        What was found: sampler, config, built, counts, metric and remark.
    """
    kind, data_set = DATASETS.get(name), DATA_SETS[name]
    with captured_log():
        written = data_set.write(folder, kind)
        case = Case(kind, written, build(written.config))
        sampler, config, built, counts = (outcome(check, case)
                                          for check in (check_sampler, check_of_config, check_of_built, check_counts))
        metric = outcome(check_metric, case) if data_set.has_objects else '-'
        if metric.startswith((REFUSED, GAP)) and not counts.startswith(REFUSED):
            metric = f'{outcome(metric_instead, case)}; {metric}'
        remark = outcome(data_set.remark, case) if data_set.remark else ''
    return [sampler, config, built, counts, metric, remark]


def missing_package(name: str) -> str:
    """Build a data set class whose package is missing.

    Returns:
        What mmdet says.
    """
    try:
        DATASETS.build({'type': name, 'data_root': '', 'ann_file': ''})
    except (ImportError, RuntimeError) as error:
        return f'not tried; mmdet says: {error}'
    raise RuntimeError(f'the package that {name} needs is installed; write files for it in data_set_formats.py')


def try_wrappers(folder: Path) -> list[list[str]]:
    """Try the sampler and the counts on wrappers of a data set.

    Args:
        folder: Empty folder for its files.

    Returns:
        For each wrapper its name, and what was found.
    """
    rows = []
    with captured_log():
        written = write_coco(folder, DATASETS.get('CocoDataset'))
        inner = Case(DATASETS.get('CocoDataset'), written, build(written.config))
        for name in WRAPPERS:
            case = wrap(inner, name)
            rows.append([name, outcome(check_sampler, case), outcome(check_counts, case)])
    return rows


def outcome(check: Callable[[Case], str], case: Case) -> str:
    """Run a check.

    Returns:
        What it found, or the message by which imbdet refuses the data set, which has to name it.
    """
    folder = case.written.config['data_root']
    try:
        return check(case).replace(f'{folder}/', '')
    except Exception as error:  # whatever a data set raises
        message = ' '.join(str(error).split()).replace(f'{folder}/', '')
        is_named = case.kind.__name__ in message or case.written.file.name in message
        if isinstance(error, (ValueError, TypeError)) and is_named:
            return f'{REFUSED}{message}'
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f'{GAP}{type(error).__name__}: {message} ({Path(where.filename).name}:{where.lineno})'


class Page:
    """The page: tables, and the messages that their cells refer to by numbers."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def row(self, cells: list[str]) -> str:
        """Write a row of a table, with numbers for messages."""
        return '| ' + ' | '.join(map(self._cell, cells)) + ' |'

    def _cell(self, text: str) -> str:
        match = re.search(f'({GAP}|{REFUSED})(.*)', text)
        if match is None:
            return text
        message = textwrap.shorten(match[2], 400, placeholder=' ...')
        number = self.numbers.setdefault(message, len(self.numbers) + 1)
        return text[:match.start()] + (f'**no** [{number}]' if match[1] == GAP else f'[{number}]')

    def messages(self) -> list[str]:
        """List the messages by their numbers."""
        return [f'{number}. {message}' for message, number in self.numbers.items()]


def write_page(path: Path, found: dict[str, list[str]], wrappers: list[list[str]]) -> None:
    """Write the page.

    Args:
        path: Where to.
        found: By class what :func:`try_data_set` returned.
        wrappers: What :func:`try_wrappers` returned.
    """
    page = Page()
    lines = [HEAD.format(mmdet=mmdet.__version__, imbdet=imbdet.__version__).rstrip()]
    lines += [page.row([DATA_SETS[name].family, f'`{name}`', *cells]) for name, cells in found.items()]
    lines += [page.row(['packages', f'`{name}`', *EMPTY, missing_package(name)]) for name in NEED_PACKAGES]
    lines += [page.row(['bases', f'`{name}`', *EMPTY, 'not tried; others derive from it']) for name in BASES]
    lines += ['', '## Wrappers', '', 'Each around a CocoDataset.', '', '| wrapper | sampler | counts |', '|---|---|---|']
    lines += [page.row(row) for row in wrappers]
    with atomic_write(path) as temporary:
        temporary.write_text('\n'.join([*lines, '', '## Messages', '', *page.messages()]) + '\n')


def main() -> None:
    """Try all classes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--only', nargs='+', choices=sorted(DATA_SETS), help='classes to try (default: all)')
    parser.add_argument('--out', type=Path, help='Markdown page to write')
    arguments = parser.parse_args()
    warnings.simplefilter('ignore')
    logging.disable(logging.INFO)
    register_all_modules()
    found = {}
    for name in tqdm(arguments.only or DATA_SETS, unit='class', disable=None):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = try_data_set(name, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        wrappers = try_wrappers(Path(folder))
    if arguments.out:
        write_page(arguments.out, found, wrappers)
    gaps = [f'{name}: {text}' for name, cells in [*found.items(), *((row[0], row[1:]) for row in wrappers)]
            for text in cells if GAP in text]
    print('\n'.join([*gaps, f'{len(found)} classes, {len(gaps)} gaps']))
    sys.exit(bool(gaps))


if __name__ == '__main__':
    main()
