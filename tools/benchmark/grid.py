"""Old path of ``tools/grid.py``; it will be removed in imbdet 0.3."""

from functools import partial

from imbdet.cli import run_verb

main = partial(run_verb, 'grid')

if __name__ == '__main__':
    main()
