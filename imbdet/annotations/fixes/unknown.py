"""Annotations of images or categories that the file does not list."""

from functools import partial
from typing import Any

from imbdet.annotations.fault import first_ten
from imbdet.annotations.fixes.fix_log import LISTS, FixLog
from imbdet.annotations.fixes.options import FixOptions

REFERENCES = {'images': 'image_id', 'categories': 'category_id'}


def remove_unknown(content: dict[str, Any], options: FixOptions, log: FixLog) -> None:
    """Remove annotations of unknown images or categories; ask if these are more than half.

    So many are no leftovers of removed images: the ids of the images or categories are others than those that the annotations
    refer to.

    Args:
        content: Content of the file, changed in place; ids are integers or text, and references are of the same type. After a
            question, the annotations are left out, too, because no later step can work on them.
        options: Decisions.
        log: The record of changes.
    """
    known = {key: {entry['id'] for entry in content[key]} for key in REFERENCES}
    unknown = [annotation for annotation in content['annotations']
               if any(annotation.get(reference) not in known[key] for key, reference in REFERENCES.items())]
    if options.unknown is None and 2 * len(unknown) > len(content['annotations']):
        values = [f'{reference} {first_ten(missing)}' for key, reference in REFERENCES.items()
                  if (missing := _missing(unknown, reference, known[key]))]
        log.ask(f'image or category that the file does not list ({"; ".join(values)}). They are more than half of all, so '
                'the ids of the lists are likely wrong: correct them. drop: remove the annotations', '--unknown drop', unknown)
        left_out = {id(annotation) for annotation in unknown}
        content['annotations'] = [entry for entry in content['annotations'] if id(entry) not in left_out]
        return
    for key, reference in REFERENCES.items():
        others = {id(annotation) for annotation in unknown if annotation.get(reference) not in known[key]}
        log.remove(content, 'annotations', f'{LISTS[key]} that the file does not list', partial(_is_one_of, others))


def _is_one_of(ids: set[int], annotation: dict) -> bool:
    return id(annotation) in ids


def _missing(annotations: list[dict], reference: str, known: set) -> list[Any]:
    """Return the different values that are not known, in their order."""
    return list(dict.fromkeys(value for annotation in annotations if (value := annotation.get(reference)) not in known))
