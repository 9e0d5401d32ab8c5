"""``tools/analysis/grid_report.py results.json ...`` is ``imbdet grid``: merge results of grids and report them."""

from functools import partial

from imbdet.cli import run_verb

main = partial(run_verb, 'grid')

if __name__ == '__main__':
    main()
