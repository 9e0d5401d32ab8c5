"""``tools/quickstart.py`` is ``imbdet quickstart``: from nothing to a trained detector."""

from functools import partial

from imbdet.cli import run_verb

main = partial(run_verb, 'quickstart')

if __name__ == '__main__':
    main()
