"""The flags ``iscrowd`` and ``ignore``."""

from typing import Any

from imbdet.annotations.fixes.fix_log import FixLog
from imbdet.annotations.fixes.json_numbers import as_number
from imbdet.annotations.fixes.options import FixOptions

WORDS = {'true': 1, 'false': 0, '': 0}


def fix_flags(content: dict[str, Any], options: FixOptions, log: FixLog) -> None:
    """Make ``iscrowd`` and ``ignore`` 0 or 1; ask if all annotations are crowds, which are not trained on.

    Args:
        content: Content of the file, changed in place.
        options: Decisions.
        log: The record of changes.
    """
    annotations = content['annotations']
    for annotation in annotations:
        for key in ('iscrowd', 'ignore'):
            if key in annotation or key == 'iscrowd':
                _fix_flag(annotation, key, log)
    if not annotations or not all(annotation['iscrowd'] for annotation in annotations):
        return
    if options.crowd is None:
        log.ask('all annotations are crowds (some exporters mark every run-length mask so), and none is left to train on. '
                'keep: leave them; objects: make them objects', '--crowd keep|objects', annotations)
    elif options.crowd == 'objects':
        for annotation in annotations:
            annotation['iscrowd'] = 0
            log.change('crowd made an object', annotation)


def _fix_flag(annotation: dict, key: str, log: FixLog) -> None:
    old = annotation.get(key)
    number = as_number(old)
    if number is None and isinstance(old, str):
        number = WORDS.get(old.strip().lower())
    new = int(bool(old) if number is None else number != 0)  # as mmdet reads what is neither
    if type(old) is not int or old != new:
        annotation[key] = new
        log.change(f'missing {key}: set to 0' if old is None else f'{key} made 0 or 1', annotation)
