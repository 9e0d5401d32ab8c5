"""Entries of ``images``: file names, ids that are not unique, images that are listed twice, sizes."""

import posixpath
from collections import defaultdict
from typing import Any

from imbdet.annotations.fixes.fix_log import FixLog
from imbdet.annotations.fixes.json_numbers import as_integer
from imbdet.annotations.fixes.options import FixOptions

Size = tuple[int, int]


def fix_images(content: dict[str, Any], options: FixOptions, log: FixLog) -> None:
    """Give every image a file name and an id of its own, and make its size two integers, where the file has them.

    Args:
        content: Content of the file, changed in place; ids are integers or text, and all that annotations refer to are there.
        options: Decisions.
        log: The record of changes.
    """
    for image in content['images']:
        _fix_file_name(image, log)
        _fix_size(image, log)
    log.ask('no file_name, and no coco_url to take it from; add it, or remove them', None,
            [image for image in content['images'] if not image.get('file_name')])
    _fix_repeated_ids(content, options, log)


def merge_images(content: dict[str, Any], log: FixLog) -> None:
    """Merge entries of the same file under different ids: the first one gets the annotations of all.

    mmdet would train on each entry with its own boxes only, and take the objects of the others for background.

    Args:
        content: Content of the file, changed in place; ids are unique and sizes are known.
        log: The record of changes.
    """
    by_file = defaultdict(list)
    for image in content['images']:
        if image.get('file_name'):
            by_file[_file(image)].append(image)
    repeated = [group for group in by_file.values() if len(group) > 1]
    unclear = [group for group in repeated if len({stated_size(image) for image in group}) > 1]
    log.ask('one image file listed with different sizes. --images reads the right one', '--images FOLDER',
            [image for group in unclear for image in group])
    table = {image['id']: group[0]['id'] for group in repeated for image in group[1:]}
    for annotation in content['annotations']:
        if annotation['image_id'] in table:
            annotation['image_id'] = table[annotation['image_id']]
            log.change('moved to the first entry of its image file', annotation)
    log.remove(content, 'images', 'image file listed before under another id', lambda image: image['id'] in table)


def remove_images(content: dict[str, Any], ids: set, kind: str, log: FixLog) -> None:
    """Remove images together with their annotations.

    Args:
        content: Content of the file, changed in place.
        ids: Ids of the images.
        kind: What is wrong with them.
        log: The record of changes.
    """
    log.remove(content, 'images', kind, lambda image: image['id'] in ids)
    log.remove(content, 'annotations', f'image removed: {kind}', lambda annotation: annotation['image_id'] in ids)


def stated_size(image: dict) -> Size | None:
    """Return width and height that the file states; None if either is missing or no positive integer."""
    width, height = as_integer(image.get('width')), as_integer(image.get('height'))
    return (width, height) if width is not None and height is not None and width > 0 and height > 0 else None


def _file(image: dict) -> str | None:
    """Return the same for ``./1.png`` and ``1.png``."""
    return posixpath.normpath(image['file_name']) if image.get('file_name') else None


def _fix_file_name(image: dict, log: FixLog) -> None:
    name, url = image.get('file_name'), image.get('coco_url')
    if isinstance(name, str) and name:
        return
    last_part = url.rpartition('/')[2] if isinstance(url, str) else ''
    if last_part:
        image['file_name'] = last_part
        log.change('file_name taken from coco_url', image)
    else:
        image.pop('file_name', None)  # asked for; what is no text is none


def _fix_size(image: dict, log: FixLog) -> None:
    size = stated_size(image)
    if size is not None and any(type(image[key]) is not int for key in ('width', 'height')):
        image['width'], image['height'] = size
        log.change('size as text or float: made integers', image)


def _fix_repeated_ids(content: dict[str, Any], options: FixOptions, log: FixLog) -> None:
    by_id = defaultdict(list)
    for image in content['images']:
        by_id[image['id']].append(image)
    repeated = [group for group in by_id.values() if len(group) > 1]
    unclear = [group for group in repeated if len({_file(image) for image in group}) > 1]
    if options.same_image_ids is None:
        log.ask('different images with one id, so nobody knows whose the boxes are. keep-last: all of them belong to the last '
                'image, as mmdet takes it; drop: remove the images with their boxes', '--same-image-ids keep-last|drop',
                [image for group in unclear for image in group])
    if options.same_image_ids == 'drop':
        remove_images(content, {group[0]['id'] for group in unclear}, 'id of different images', log)
    earlier = {id(image) for group in repeated for image in group[:-1]}
    log.remove(content, 'images', 'id that a later entry has', lambda image: id(image) in earlier)
