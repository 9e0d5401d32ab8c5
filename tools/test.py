"""``tools/test.py CONFIG CHECKPOINT`` is ``imbdet test``: evaluate a detector, with the flags of mmdet's tools/test.py."""

from functools import partial

from imbdet.cli import run_verb

main = partial(run_verb, 'test')

if __name__ == '__main__':
    main()
