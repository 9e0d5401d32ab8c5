"""``tools/train.py CONFIG`` is ``imbdet train``: train a detector, with the flags of mmdet's tools/train.py."""

from functools import partial

from imbdet.cli import run_verb

main = partial(run_verb, 'train')

if __name__ == '__main__':
    main()
