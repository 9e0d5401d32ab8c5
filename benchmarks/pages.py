"""Write the tables of pages from benchmarks/results, so that no number is typed.

    python benchmarks/pages.py             # rewrites the tables and draws the pictures
    python benchmarks/pages.py --check     # only compares the tables; fails if one differs

In README.md, configs/*/README.md and docs/*.md, a table is between ``<!-- table: NAME -->`` and ``<!-- end of table -->``. NAME
is one of TABLES in page_contents.py. What a results file does not contain yet is left out, and the command says so. Pictures
are not compared, because other versions of matplotlib draw other pixels.
"""

import argparse
import re
import sys
from functools import cache
from pathlib import Path

from page_contents import PICTURES, TABLES
from page_pictures import draw_picture
from page_tables import markdown_table

from imbdet.files import atomic_write
from imbdet.reports.grid.grid_results import read_results
from imbdet.reports.grid.grid_runs import GridRun, group_runs

ROOT = Path(__file__).parents[1]
START, END = '<!-- table: ', '<!-- end of table -->'
PLACE = re.compile(rf'({START}(\S+) -->\n)((?:(?!{START}).)*?)({END})', re.DOTALL)


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
