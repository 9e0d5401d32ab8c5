"""``tools/model_converters/export_detector.py CONFIG CHECKPOINT`` is ``imbdet export``: the plain detector."""

from functools import partial

from imbdet.cli import run_verb

main = partial(run_verb, 'export')

if __name__ == '__main__':
    main()
