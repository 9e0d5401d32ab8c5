"""``imbdet compare [NAME=]FILE ... --ann VAL.json``: compare results of detectors by class frequency.

Files are COCO results, such as those that LongTailMetric writes with ``outfile_prefix`` (``val.bbox.json``). Files with the
same NAME are the seeds of one run. The first run is the baseline.
"""

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('results', nargs='+', metavar='[NAME=]FILE',
                        help='COCO results file; repeat the same NAME for seeds; the first run is the baseline (default NAME: '
                        'the folder of the file)')
    parser.add_argument('--ann', type=Path, required=True, help='annotation file of the evaluated images')
    parser.add_argument('--train-ann', type=Path,
                        help='training annotations, to count the images of each class (default: the counts in --ann)')
    parser.add_argument('--style', choices=['lvis', 'coco'],
                        help='rules of evaluation (default: lvis if the images of --ann have neg_category_ids)')
    parser.add_argument('--metric', choices=['bbox', 'segm'], default='bbox', help='boxes or masks (default: %(default)s)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/long_tail_report'),
                        help='folder to write to (default: %(default)s)')


def named_files(arguments: list[str]) -> dict[str, list[Path]]:
    """Group the files by run.

    Args:
        arguments: ``NAME=FILE``, or ``FILE``, whose run is named after its folder.

    Returns:
        The files of each run, in the order given.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file is given twice, or files without a NAME would share a run.
    """
    runs: dict[str, list[Path]] = {}
    unnamed: set[str] = set()
    for argument in arguments:
        name, sign, path = argument.partition('=')
        if not sign or Path(argument).is_file():  # a path may have an equals sign
            path, name = argument, Path(argument).resolve().parent.name
            if name in runs:
                raise ValueError(f'{argument}: the run {name!r}, after the name of the folder, exists already; use NAME=FILE, '
                                 'with the same NAME for the seeds of one run')
            unnamed.add(name)
        elif name in unnamed:
            raise ValueError(f'{argument}: the run {name!r} exists already, named after the folder of a file without NAME; if '
                             'they are seeds of one run, use NAME=FILE for that file too')
        if not name:
            raise ValueError(f'{argument}: the name before the equals sign must not be empty')
        if not Path(path).is_file():
            raise FileNotFoundError(f'results file not found: {path}')
        if Path(path).resolve() in (other.resolve() for files in runs.values() for other in files):
            raise ValueError(f'{path} is given twice; remove one')
        runs.setdefault(name, []).append(Path(path))
    return runs


def run(arguments: argparse.Namespace) -> None:
    """Evaluate all files and write the report."""
    from tqdm import tqdm

    from imbdet.reports.results.long_tail_numbers import ResultsEvaluator, Run
    from imbdet.reports.results.long_tail_report import write_long_tail_report

    files = named_files(arguments.results)
    evaluator = ResultsEvaluator(arguments.ann, arguments.train_ann, arguments.style, arguments.metric)
    progress = tqdm(total=sum(map(len, files.values())), disable=None, unit='file', desc='evaluating')
    runs = []
    for name, paths in files.items():
        runs.append(Run(name, []))
        for path in paths:
            results = evaluator.evaluate(path)
            runs[-1].files.append(results)
            progress.update()
            warning = evaluator.part_warning(results)
            if warning:
                progress.write(f'imbdet: warning: {warning}', file=sys.stderr)
    progress.close()
    print(f'wrote {write_long_tail_report(arguments.out, evaluator, runs)} with pictures and tables next to it')
