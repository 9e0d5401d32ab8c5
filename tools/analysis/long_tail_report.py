"""``tools/analysis/long_tail_report.py [NAME=]FILE ...`` is ``imbdet compare``: results by class frequency."""

from functools import partial

from imbdet.cli import run_verb

main = partial(run_verb, 'compare')

if __name__ == '__main__':
    main()
