"""``python -m imbdet``: the same as the command ``imbdet``."""

from imbdet.cli import main

if __name__ == '__main__':
    main()
