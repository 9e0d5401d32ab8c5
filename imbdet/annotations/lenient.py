"""Annotation files as exporters write them and mmdet takes them, brought into the form that imbdet reads."""

from collections.abc import Iterable
from typing import Any

IDS = ('id', 'image_id', 'category_id', 'iscrowd', 'ignore')
"""Keys whose values mmdet compares, so that 1.0 is as good as 1."""
UNUSED = {'file_name': str, 'coco_url': str, 'frequency': str, 'image_count': int, 'instance_count': int,
          'neg_category_ids': list, 'not_exhaustive_category_ids': list}
"""Keys that only some data sets and evaluations look at, with the type that these need."""


def as_mmdet_takes(content: Any) -> Any:
    """Bring the parsed content of a file into the types of :class:`~imbdet.annotations.reader.AnnotationFile`, in place.

    - Whole floats become integers where mmdet only compares: ids, ``iscrowd`` and ``ignore``.
    - A value of another type becomes None in keys that only some data sets look at; whoever needs the key says that it is
      missing.
    - The segments of things of a panoptic file become annotations; stuff has no objects. Ids of segments may repeat, so they
      are numbered from 1.

    Args:
        content: What the JSON parser returned.

    Returns:
        The same content; what is no annotation file is left as it is.
    """
    if not isinstance(content, dict):
        return content
    annotations = content.get('annotations')
    if isinstance(annotations, list) and any(isinstance(entry, dict) and 'segments_info' in entry for entry in annotations):
        categories = content.get('categories')
        stuff = [entry.get('id') for entry in (categories if isinstance(categories, list) else ())
                 if isinstance(entry, dict) and entry.get('isthing', 1) == 0]
        content['annotations'] = list(_segments(annotations, stuff))
    for key in ('images', 'annotations', 'categories'):
        for entry in content[key] if isinstance(content.get(key), list) else ():
            if isinstance(entry, dict):
                _mend(entry)
    return content


def _mend(entry: dict) -> None:
    for key in IDS:
        if key in entry:
            entry[key] = _whole(entry[key])
    for key, kind in UNUSED.items():
        if key in entry:
            value = [_whole(item) for item in entry[key]] if isinstance(entry[key], list) else _whole(entry[key])
            entry[key] = value if isinstance(value, kind) else None


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _segments(annotations: list, stuff: list) -> Iterable[Any]:
    number = 0
    for entry in annotations:
        segments = entry.get('segments_info') if isinstance(entry, dict) else None
        if not isinstance(segments, list):
            yield entry
            continue
        for segment in segments:
            if isinstance(segment, dict) and segment.get('category_id') in stuff:
                continue
            number += 1
            yield {**segment, 'id': number, 'image_id': entry.get('image_id')} if isinstance(segment, dict) else segment
