"""Whole content of an annotation file, with polygons and keys that imbdet does not know, for commands that write files."""

import json
from pathlib import Path
from typing import Any

from imbdet.annotations.reader import AnnotationError

LISTS = ('images', 'annotations', 'categories')


def read_content(path: str | Path) -> dict[str, Any]:
    """Read an annotation file as it is, to write another one from it.

    Args:
        path: A JSON file with the lists ``images``, ``categories`` and, unless it is for testing alone, ``annotations``. A
            byte order mark, NaN and Infinity are accepted.

    Returns:
        Its content: a dict in which ``images``, ``annotations`` and ``categories`` are lists of dicts. Nothing in the entries
        is checked.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it is not JSON, or not such lists.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'annotation file not found: {path}')
    try:
        content = json.loads(path.read_bytes().decode('utf-8-sig'))
    except (ValueError, RecursionError) as error:
        reason = str(error) or 'lists or objects are nested too deeply'
        raise AnnotationError(f'{path}: {reason}; it must be JSON in COCO or LVIS format') from error
    if not isinstance(content, dict):
        raise AnnotationError(f'{path}: an annotation file is an object with the lists {", ".join(LISTS)}, not a '
                              f'{type(content).__name__}; detection results are such lists')
    content.setdefault('annotations', [])
    for key in LISTS:
        if key not in content:
            raise AnnotationError(f'{path} has no key {key!r}; an annotation file has the lists {", ".join(LISTS)}')
        entries = content[key]
        if not isinstance(entries, list):
            raise AnnotationError(f'{path}: {key!r} must be a list, got {type(entries).__name__}')
        wrong = next((number for number, entry in enumerate(entries, start=1) if not isinstance(entry, dict)), None)
        if wrong is not None:
            raise AnnotationError(f'{path}: entry {wrong} of {key!r} is not an object')
    return content


def to_json(content: dict[str, Any], source: str | Path) -> str:
    """Convert the content of an annotation file to strict JSON.

    Args:
        content: The content.
        source: The file that it comes from, for the message.

    Returns:
        JSON text in one line.

    Raises:
        AnnotationError: If it has NaN or infinity, which JSON does not know.
    """
    try:
        return json.dumps(content, allow_nan=False) + '\n'
    except ValueError as error:
        raise AnnotationError(f'{source} has NaN or infinite numbers, which are not JSON; run imbdet fix {source}') from error
