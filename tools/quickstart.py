"""``tools/quickstart.py`` is ``imbdet quickstart``: sample data, training, evaluation and pictures."""

from functools import partial

from imbdet.cli import run_verb

main = partial(run_verb, 'quickstart')

if __name__ == '__main__':
    main()
