"""``tools/analysis/imbalance_report.py ANN.json`` is ``imbdet report``: how imbalanced a data set is."""

from functools import partial

from imbdet.cli import run_verb

main = partial(run_verb, 'report')

if __name__ == '__main__':
    main()
