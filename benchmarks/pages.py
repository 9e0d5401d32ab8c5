"""Write the tables of pages from benchmarks/results, so that no number is typed.

    python benchmarks/pages.py             # rewrites the tables and draws the pictures
    python benchmarks/pages.py --check     # only compares the tables; fails if one differs

In README.md, configs/*/README.md and docs/*.md, a table is between ``<!-- table: NAME -->`` and ``<!-- end of table -->``. NAME
is one of TABLES below. What a results file does not contain yet is left out, and the command says so. Pictures are not
compared, because other versions of matplotlib draw other pixels.
"""

import argparse
import re
import sys
from functools import cache
from pathlib import Path

from page_pictures import ClassPicture, GainMap, draw_picture
from page_tables import ClassTable, RunTable, markdown_table

from imbdet.files import atomic_write
from imbdet.reports.grid.grid_results import read_results
from imbdet.reports.grid.grid_runs import GridRun, group_runs

ROOT = Path(__file__).parents[1]
START, END = '<!-- table: ', '<!-- end of table -->'
PLACE = re.compile(rf'({START}(\S+) -->\n)((?:(?!{START}).)*?)({END})', re.DOTALL)


def aps(prefix: str, *names: str, after: str = '') -> dict[str, str]:
    """Return headings by metric: APs with this prefix, with ``after`` added to each."""
    return {f'{prefix}/bbox_{name}': name + after for name in names}


MINUS = ' minus baseline (95 % interval)'
BY_SEED = ' minus baseline, by seed'
GROUPS = 'AP', 'APr', 'APc', 'APf'
BOTH = aps('lvis', 'AP', 'APr'), aps('lvis', 'AP', 'APr', after=MINUS)
FOUR = aps('lvis', *GROUPS), BOTH[1]

EACH_IMAGE_ONCE = 'baseline: focal loss, every image once'
EQUITY = "DatasetEquity, `apply_to='cls'`"
FEWER_BOXES = 'baseline, 500 iterations: the same number of boxes as ClassAwareSampler shows in 400'
BY_REGIONS = 'Sampling-Free, RoI regression divided by all regions (before)'
BY_POSITIVES = 'Sampling-Free, divided by positives (as in the configs)'
SAME_LENGTH = 'epoch as long as that of RFS'
REPEATING = {'rfs': 'RFS, t = 0.1', 'irfs': 'IRFS, t = 0.1'}

VOC = {
    'plain': 'baseline: every image once',
    'plain_equal_boxes': 'baseline, 964 iterations: as many boxes as class-aware draws show',
    **REPEATING,
    'irfs_equal_length': f'IRFS, t = 0.0774: {SAME_LENGTH}',
    'e_irfs': 'E-IRFS, t = 0.01',
    'irfs_balanced': 'IRFS, t = 1, power 1: classes as balanced as images allow',
    'class_aware': "class-aware draws: RepeatFactorSampler, `method='class-aware'`",
    'mmdet_class_aware': "mmdet's ClassAwareSampler",
    'sampling_free': 'Sampling-Free',
    'irfs_sampling_free': 'IRFS, t = 0.1, and Sampling-Free',
    'equity': 'DatasetEquity'
}
VOC_SHORT = {name: text.partition(':')[0] for name, text in VOC.items()}
VOC_CLASSES = {name: VOC_SHORT[name] for name in ('plain', 'irfs', 'class_aware')}
DETECTORS = {'retinanet': 'RetinaNet', 'faster_rcnn': 'Faster R-CNN'}


def of(detector: str, methods: dict[str, str]) -> dict[str, str]:
    """Return texts by the names of a detector's runs."""
    return {f'{detector}_{name}': text for name, text in methods.items()}


TABLES: dict[str, RunTable | ClassTable] = {
    'digits_summary': RunTable(
        'digits', 'RetinaNet on [the long-tailed digits](configs/quickstart/README.md), 400 iterations', {
            'baseline': 'baseline: focal loss', **REPEATING, 'irfs_strong': 'IRFS, t = 1', 'sampling_free': 'Sampling-Free',
            'irfs_sampling_free': 'IRFS, t = 0.1, and Sampling-Free', 'equity': 'DatasetEquity, classification loss only',
            'class_aware': "mmdet's ClassAwareSampler"
        }, {'lvis/bbox_AP': 'AP', 'lvis/bbox_APr': 'APr (rare classes)'}),
    'digits': RunTable(
        'digits', 'training', {
            'baseline': EACH_IMAGE_ONCE, **REPEATING, 'irfs_strong': 'IRFS, t = 1',
            'irfs_equal_length': f'IRFS, t = 0.0575: {SAME_LENGTH}', 'e_irfs': 'E-IRFS, t = 0.01',
            'baseline_500i': FEWER_BOXES, 'class_aware': "mmdet's ClassAwareSampler", 'plain_ce': 'plain cross entropy',
            'sampling_free': 'Sampling-Free', 'irfs_sampling_free': 'IRFS, t = 0.1, and Sampling-Free', 'equity': EQUITY
        }, FOUR[0], differences=FOUR[1]),
    'digits_long': RunTable(
        'digits_long', 'training', {'baseline': EACH_IMAGE_ONCE, **REPEATING}, FOUR[0], differences=FOUR[1],
        by_seed=aps('lvis', 'AP', 'APr', after=BY_SEED)),
    'digits_faster_rcnn': RunTable(
        'digits_faster_rcnn', 'training', {
            'faster_rcnn': "baseline: mmdet's samplers, cross entropy", 'irfs': 'IRFS, t = 0.1',
            'sampling_free': 'Sampling-Free', 'sampling_free_by_regions': BY_REGIONS,
            'normed_linear': "mmdet's NormedLinear, cross entropy", 'seesaw': "mmdet's Seesaw loss, with its NormedLinear"
        }, FOUR[0], differences=FOUR[1]),
    'digits_sampling': RunTable(
        'digits', 'sampling', {
            'rfs': 'RFS', 'irfs': 'IRFS', 'e_irfs': 'E-IRFS', 'irfs_equal_length': "IRFS at RFS's epoch length"
        }, differences=aps('lvis', 'APr', after=MINUS)),
    'digits_irfs_minus_rfs': RunTable(
        'digits', 'sampling', {'irfs': 'IRFS', 'irfs_equal_length': "IRFS at RFS's epoch length"},
        differences=aps('lvis', 'APr', after=' minus RFS (95 % interval)'), baseline='rfs'),
    'digits_sampling_free_retinanet': RunTable(
        'digits', 'RetinaNet', {
            'baseline': 'focal loss', 'plain_ce': 'plain cross entropy', 'sampling_free': 'Sampling-Free',
            'irfs_sampling_free': 'Sampling-Free and IRFS, t = 0.1'
        }, BOTH[0], differences=BOTH[1]),
    'digits_sampling_free_faster_rcnn': RunTable(
        'digits_faster_rcnn', 'Faster R-CNN', {
            'faster_rcnn': "mmdet's samplers", 'sampling_free_by_regions': BY_REGIONS, 'sampling_free': BY_POSITIVES
        }, BOTH[0], differences=BOTH[1]),
    'digits_divisor': RunTable(
        'digits_faster_rcnn', 'Faster R-CNN', {'sampling_free': 'divided by positives'},
        differences=aps('lvis', 'AP', 'APr', after=' minus divided by all regions (95 % interval)'),
        baseline='sampling_free_by_regions'),
    'digits_equity': RunTable(
        'digits', 'training', {'baseline': 'baseline', 'equity': EQUITY}, aps('lvis', 'AP'),
        differences=aps('lvis', 'AP', after=MINUS)),
    'rbc12': RunTable(
        'rbc12', 'training', {'baseline': 'baseline: every image once', 'rfs': 'RFS, t = 0.1', 'irfs': 'IRFS, t = 0.04'},
        aps('coco', *GROUPS), differences=aps('coco', 'APr', after=MINUS), by_seed=aps('coco', 'APr', after=BY_SEED)),
    'rbc12_classes': ClassTable(
        'rbc12', 'AP of rare classes', {'baseline': 'baseline', 'rfs': 'RFS', 'irfs': 'IRFS'}, 'r'),
    'voc07_roi_normaliser': RunTable(
        'voc07_roi_normaliser', 'training', {
            'faster_rcnn': "mmdet's samplers", 'by_regions': BY_REGIONS, 'by_positives': BY_POSITIVES
        }, aps('coco', 'AP', 'AP50', 'APr', 'APc', 'APf'), differences=aps('coco', 'AP', after=MINUS))
}
for detector, title in DETECTORS.items():
    TABLES[f'voc07_{detector}'] = RunTable(
        'voc07', title, of(detector, VOC),
        aps('coco', *GROUPS) | aps('coco_fixed', 'AP', 'APr', after='^fixed') | {'coco/bbox_AP_pool': 'AP^pool'}, boxes=True,
        differences=aps('coco', 'APr', 'APf', after=MINUS))
    TABLES[f'voc07_{detector}_classes'] = ClassTable('voc07', f'{title}, AP of each class', of(detector, VOC_CLASSES))

PICTURES: dict[str, ClassPicture | GainMap] = {}  # by the file's name in docs/images, without .png
for detector, title in DETECTORS.items():
    PICTURES[f'voc07_{detector}'] = ClassPicture('voc07', f'{title}: AP of each class', of(detector, VOC_CLASSES))
    PICTURES[f'voc07_{detector}_gains'] = GainMap('voc07', 'coco/bbox_APr', 'coco/bbox_APf', of(detector, VOC_SHORT))


@cache
def results(name: str) -> list[GridRun]:
    """Read the runs of a results file."""
    return group_runs(read_results(ROOT / 'benchmarks/results' / f'{name}.json'))


def with_tables(page: str, text: str) -> tuple[str, list[str]]:
    """Write the tables of a page.

    Args:
        page: Name of the page, for messages.
        text: Its text.

    Returns:
        The text with today's tables, and the names of the tables that differed.

    Raises:
        ValueError: If a marker is alone or its table unknown.
    """
    differing = []

    def replace(match: re.Match[str]) -> str:
        start, name, old, end = match.groups()
        if name not in TABLES:
            raise ValueError(f'{page}: there is no table {name!r}; choose from {", ".join(TABLES)}')
        new = markdown_table(TABLES[name], results(TABLES[name].results))
        if new != old:
            differing.append(name)
        return start + new + end

    new_text = PLACE.sub(replace, text)
    if not len(PLACE.findall(text)) == text.count(START) == text.count(END):
        raise ValueError(f'{page}: {START}NAME --> and {END} do not alternate; put each table between the two')
    return new_text, differing


def pages() -> list[Path]:
    """List the pages in which tables may be."""
    return [ROOT / 'README.md', *sorted(ROOT.glob('configs/*/README.md')), *sorted(ROOT.glob('docs/*.md'))]


def missing_runs() -> list[str]:
    """Say which runs of tables the results files do not contain."""
    missing = {f'benchmarks/results/{table.results}.json: no run {name} yet, which is left out'
               for table in TABLES.values() for name in table.runs.keys() - {run.name for run in results(table.results)}}
    return sorted(missing)


def main() -> None:
    """Write or compare the pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--check', action='store_true', help='only compare the tables; exit with 1 if one differs')
    check = parser.parse_args().check
    for line in missing_runs():
        print(line)
    found = []
    for path in pages():
        text = path.read_text(encoding='utf-8')
        new, differing = with_tables(str(path.relative_to(ROOT)), text)
        found += [f'{path.relative_to(ROOT)}: table {name}' for name in differing]
        if differing and not check:
            with atomic_write(path) as temporary:
                temporary.write_text(new, encoding='utf-8')
    for line in found:
        print(line, 'differs from benchmarks/results; run python benchmarks/pages.py' if check else 'is written')
    if not check:
        for name, picture in PICTURES.items():
            drawn = draw_picture(ROOT / 'docs/images' / f'{name}.png', picture, results(picture.results))
            print(f'docs/images/{name}.png: {"drawn" if drawn else "nothing to draw yet"}')
    sys.exit(bool(found) and check)


if __name__ == '__main__':
    main()
