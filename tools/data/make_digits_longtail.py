"""Make the sample data set: ``tools/data/make_digits_longtail.py [FOLDER]``."""

import argparse
import sys

from tqdm import tqdm

from imbdet.command_line import RUN_ERROR, one_line_errors
from imbdet.sample_data import is_complete, make_digits_longtail


def main() -> None:
    """Write the data set, unless it is there."""
    parser = argparse.ArgumentParser(description='Make the long-tailed digits, the sample data set of imbdet')
    parser.add_argument('folder', nargs='?', default='data/digits_longtail', help='folder to write (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='seed; the same seed gives the same files')
    parser.add_argument('--verbose', action='store_true', help='show the whole traceback of an error')
    arguments = parser.parse_args()
    with one_line_errors(arguments.verbose, RUN_ERROR):
        if is_complete(arguments.folder, arguments.seed):
            print(f'{arguments.folder} is there already, with seed {arguments.seed}')
            return
        with tqdm(unit='image', disable=not sys.stderr.isatty()) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            make_digits_longtail(arguments.folder, arguments.seed, show)
        print(f'wrote {arguments.folder}: 600 training and 200 validation images, visible and infrared')


if __name__ == '__main__':
    main()
