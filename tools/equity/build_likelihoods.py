"""``tools/equity/build_likelihoods.py CONFIG_OR_ANN`` is ``imbdet likelihoods``: appearance likelihoods."""

from functools import partial

from imbdet.cli import run_verb

main = partial(run_verb, 'likelihoods')

if __name__ == '__main__':
    main()
