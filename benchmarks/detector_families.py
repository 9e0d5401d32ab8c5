"""Try every hook on every detector family of mmdet's configs, and write the table of what is supported.

    python benchmarks/detector_families.py [--only retinanet detr] [--out docs/detector_families.md]

Each family is one config of mmdet's, built with its own backbone and random weights, on two images of noise. What a hook
supports is checked: OptimalBiasInitHook makes the measured prior the initial probability of every class, GuidedLossHook makes
each classification loss as large as its regression loss, ClassAdaptiveThresholdHook leaves no detection below its threshold
and gives test_cfg back, DatasetEquityHook with all weights at 0.5 halves every gradient of the losses that it weights,
LogitShiftHook detects what a calibrated checkpoint detects, ClassWeighted with weights of 1 leaves all losses as they are, and
EqualizedFocalLoss trains the class logits. A hook that crashes, or that fails its check, is a failure of this
script. Takes 15 minutes on two cores.
"""

import argparse
import logging
import re
import sys
import textwrap
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import imbdet  # first: it says what an installation lacks and how to fix it

# isort: split
import torch
from detector_family import Family, build_family
from family_checks import CHECKS
from mmdet.utils import register_all_modules
from mmdet_families import FAMILIES
from tqdm import tqdm

from imbdet.files import atomic_write

PACKAGE = Path(imbdet.__file__).parent

HEAD = """# Detector families

What each hook does with each detector family of mmdet {mmdet}'s configs, found by `python benchmarks/detector_families.py`
(torch {torch}, imbdet {imbdet}). Each family trained for a step on two images of noise, and what a hook supports was checked
there (the script says how). Images were not mixed: under Mosaic or MixUp, with which YOLOX and RTMDet train, DatasetEquityHook
needs a data set that records which images were mixed (`WeightedMultiImageMixDataset`), and refuses others.

- **tested**: supported, and the test suite compares all heads of the family with independent computations.
- **yes**: supported.
- A number: refused, with the message below.
- `prior`: OptimalBiasInitHook cannot measure the prior of this head and takes a number.
- `named`: OptimalBiasInitHook sets the bias of this head only if `prior` names it.

| family | config | OptimalBiasInitHook | GuidedLossHook | ClassAdaptiveThresholdHook | DatasetEquityHook, `cls` | `all` |\
 LogitShiftHook | ClassWeighted | EqualizedFocalLoss |
|---|---|---|---|---|---|---|---|---|---|
"""


def outcome(check: Callable[[Family], str], family: Family) -> tuple[str, bool]:
    """Run a check.

    Returns:
        What it found, or the message by which the hook refuses the family; and whether the hook failed.
    """
    try:
        return check(family), False
    except Exception as error:  # whatever a detector raises
        raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
        if isinstance(error, ValueError) and (PACKAGE in raised_in.parents or 'Hook' in str(error)):
            return f'refused: {error}', False
        return _failure(error), True


def _failure(error: Exception) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f'FAILED: {type(error).__name__}: {" ".join(str(error).split())[:300]} ({Path(where.filename).name}:{where.lineno})'


def write_table(path: Path, rows: list[tuple[str, list[str]]]) -> None:
    """Write the page.

    Args:
        path: Where to.
        rows: By family what the checks found.
    """
    import mmdet
    notes: dict[str, int] = {}
    lines = []
    for name, found in rows:
        cells = []
        for text in found:
            message = textwrap.shorten(re.sub(r'in the \w+ with', 'with', text), 400, placeholder=' ...')
            cells.append(text if not text.startswith(('refused', 'FAILED', 'not built', 'mmdet')) else
                         f'[{notes.setdefault(message, len(notes) + 1)}]')
        lines.append(f'| {name} | `{FAMILIES[name]}` | ' + ' | '.join(cells) + ' |')
    messages = [f'{number}. {message}' for message, number in notes.items()]
    head = HEAD.format(mmdet=mmdet.__version__, torch=torch.__version__.split('+')[0], imbdet=imbdet.__version__)
    with atomic_write(path) as temporary:
        temporary.write_text(head + '\n'.join(lines) + '\n\n## Messages\n\n' + '\n'.join(messages) + '\n')


def main() -> None:
    """Run all checks on all families."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--only', nargs='+', choices=sorted(FAMILIES), help='families to try (default: all)')
    parser.add_argument('--out', type=Path, help='Markdown page to write')
    arguments = parser.parse_args()
    warnings.simplefilter('ignore')
    register_all_modules()
    logging.disable(logging.INFO)  # of each layer that is initialised
    rows, failures = [], 0
    for name in tqdm(arguments.only or list(FAMILIES), unit='family'):
        try:
            family = build_family(name)
        except Exception as error:  # of packages that are not installed
            said = ' '.join(str(error).split())
            rows.append((name, [f'not built here: {said}'] * len(CHECKS)))
        else:
            found = [outcome(check, family) for check in CHECKS.values()]
            failures += sum(failed for _, failed in found)
            rows.append((name, [text for text, _ in found]))
        tqdm.write(f'{name}: ' + '; '.join(f'{key} {text}' for key, text in zip(CHECKS, rows[-1][1], strict=True)))
    if arguments.out:
        write_table(arguments.out, rows)
    print(f'{len(rows)} families, {failures} failures')
    sys.exit(failures > 0)


if __name__ == '__main__':
    main()
