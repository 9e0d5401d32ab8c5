"""Make the sample data set: ``tools/data/make_digits_longtail.py [FOLDER]``."""

import argparse

from imbdet.cli.arguments import run_tool
from imbdet.cli.sample_data import make_sample_data


def main() -> None:
    """Read the command line and write the data set, unless it exists."""
    parser = argparse.ArgumentParser(description='Make the long-tailed digits, the sample data set of imbdet')
    parser.add_argument('folder', nargs='?', default='data/digits_longtail', help='folder to write (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='seed; the same seed gives the same files')
    run_tool(parser, lambda arguments: make_sample_data(arguments.folder, arguments.seed))


if __name__ == '__main__':
    main()
