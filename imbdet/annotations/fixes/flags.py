"""The flags ``iscrowd`` and ``ignore``."""

from typing import Any

from imbdet.annotations.fixes.fix_log import FixLog
from imbdet.annotations.fixes.json_numbers import as_number
from imbdet.annotations.fixes.options import FixOptions

WORDS = {**dict.fromkeys(('true', 'yes', 't', 'y'), 1), **dict.fromkeys(('false', 'no', 'f', 'n', ''), 0)}


def fix_flags(content: dict[str, Any], options: FixOptions, log: FixLog) -> None:
    """Make ``iscrowd`` and ``ignore`` 0 or 1; ask if all annotations are crowds, which are not trained on.

    Missing and null are 0, numbers other than 0 are 1, as in mmdet. Of text, numbers, true, false, yes, no and their first
    letters are known; other values are asked for.

    Args:
        content: Content of the file, changed in place.
        options: Decisions.
        log: The record of changes.
    """
    annotations = content['annotations']
    unknown = []
    for annotation in annotations:
        for key in ('iscrowd', 'ignore'):
            if (key in annotation or key == 'iscrowd') and not _fix_flag(annotation, key, log):
                unknown.append(annotation)
    log.ask('iscrowd or ignore that is neither a number nor yes or no; correct it', None, unknown)
    if not annotations or not all(annotation['iscrowd'] for annotation in annotations):
        return
    if options.crowd is None:
        log.ask('all annotations are crowds (some exporters mark every run-length mask so), and none is left to train on. '
                'keep: leave them; objects: make them objects', '--crowd keep|objects', annotations)
    elif options.crowd == 'objects':
        for annotation in annotations:
            annotation['iscrowd'] = 0
            log.change('crowd made an object', annotation)


def _fix_flag(annotation: dict, key: str, log: FixLog) -> bool:
    """Fix a flag; return whether its value is known."""
    old = annotation.get(key)
    number = float(old) if isinstance(old, bool) else as_number(old)
    if number is None and isinstance(old, str):
        number = WORDS.get(old.strip().lower())
    if number is None and old is not None:
        return False
    new = int(bool(number))
    if type(old) is not int or old != new:
        annotation[key] = new
        log.change(f'missing {key}: set to 0' if old is None else f'{key} made {new}', annotation)
    return True
