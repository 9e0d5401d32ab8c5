"""``tools/grid.py GRID`` is ``imbdet grid``: train configs x seeds and report them."""

from functools import partial

from imbdet.cli import run_verb

main = partial(run_verb, 'grid')

if __name__ == '__main__':
    main()
