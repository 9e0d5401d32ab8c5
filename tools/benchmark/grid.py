"""The old path of ``tools/grid.py``; it goes away in imbdet 0.3."""

from functools import partial

from imbdet.cli import run_verb

main = partial(run_verb, 'grid')

if __name__ == '__main__':
    main()
