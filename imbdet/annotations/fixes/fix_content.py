"""Fix of an annotation file: all steps in their order."""

import json
import math
from typing import Any

from imbdet.annotations.fault import first_ten
from imbdet.annotations.fixes.box_format import fix_box_format
from imbdet.annotations.fixes.boxes import fix_areas, fix_boxes
from imbdet.annotations.fixes.categories import fix_categories
from imbdet.annotations.fixes.copies import remove_copies
from imbdet.annotations.fixes.fix_log import LISTS, FixLog
from imbdet.annotations.fixes.fix_report import FixReport
from imbdet.annotations.fixes.flags import fix_flags
from imbdet.annotations.fixes.ids import fix_ids, fix_repeated_annotation_ids
from imbdet.annotations.fixes.image_files import fix_sizes, read_sizes
from imbdet.annotations.fixes.images import fix_images, merge_images, stated_size
from imbdet.annotations.fixes.mask_forms import convert_masks
from imbdet.annotations.fixes.masks import fill_masks, fix_masks, mask_box
from imbdet.annotations.fixes.options import FixOptions
from imbdet.annotations.fixes.unknown import remove_unknown

Size = tuple[int, int]


def fix_content(content: dict[str, Any], options: FixOptions | None = None) -> FixReport:
    """Fix the faults of an annotation file that mmdet fails on, drops annotations for, or trains wrongly with.

    The order of entries and all other keys stay. A second fix changes nothing.

    Args:
        content: Content from :func:`~imbdet.annotations.content.read_content`, changed in place.
        options: Decisions that the file alone does not allow; None for none.

    Returns:
        All changes. If it has decisions, the content is not usable: they have to be made by options first.

    Raises:
        ValueError: If it is a panoptic file, or the options contradict it.
    """
    if any('segments_info' in annotation for annotation in content['annotations']):
        raise ValueError('this is a panoptic file, which cannot be fixed; convert it to boxes first')
    options = options or FixOptions()
    log = FixLog(content)
    counts = _counts(content)
    fix_ids(content, log)
    remove_unknown(content, options, log)
    fix_images(content, options, log)
    fix_categories(content, options, log)
    fix_repeated_annotation_ids(content, log)
    convert_masks([annotation for annotation in content['annotations'] if 'segmentation' in annotation], log)
    files = read_sizes(content, options, log)
    fix_box_format(_with_sizes(content), options, log)
    fix_sizes(content, files, options, log)
    merge_images(content, log)
    fix_masks(_with_sizes(content), log)
    fix_boxes(content, _with_sizes(content), log)
    fix_areas(_with_sizes(content), log)
    if options.fill_masks:
        fill_masks([annotation for annotation, _ in _with_sizes(content)], log)
    fix_flags(content, options, log)
    remove_copies(content, [annotation for annotation, _ in _with_sizes(content)], log)
    if not log.decisions:
        _remove_nan(content, log)
        _add_notes(content, log)
    _note_sizes(log, options)
    return FixReport(log.changes, log.decisions, log.notes, counts, _counts(content))


def _counts(content: dict[str, Any]) -> dict[str, int]:
    return {key: len(content[key]) for key in LISTS}


def _with_sizes(content: dict[str, Any]) -> list[tuple[dict, Size]]:
    """Return the annotations with the size of their image, without those whose size is still asked for."""
    sizes = {image['id']: stated_size(image) for image in content['images']}
    return [(annotation, size) for annotation in content['annotations'] if (size := sizes[annotation['image_id']])]


def _remove_nan(content: dict[str, Any], log: FixLog) -> None:
    """Replace what JSON cannot hold; in boxes, masks and ids it is removed already."""
    try:
        json.dumps(content, allow_nan=False)
    except ValueError:
        for key in LISTS:
            for entry in content[key]:
                cleaned = _without_nan(entry)
                if repr(cleaned) != repr(entry):
                    entry.update(cleaned)
                    log.change('NaN or infinity in other keys: made null', entry)
        others = {key: value for key, value in content.items() if key not in LISTS}
        if repr(_without_nan(others)) != repr(others):
            content.update(_without_nan(others))
            log.change_file('NaN or infinity outside the lists: made null')


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _note_sizes(log: FixLog, options: FixOptions) -> None:
    """Note that boxes may have been changed because of a wrong size."""
    kinds = ('box clipped to its image', 'box outside its image')
    number = sum(len(change.ids) for change in log.changes if change.kind in kinds)
    if number and options.image_file is None:
        log.notes.append(f'boxes that leave the size that the file states for their image: {number}. It may be the size that '
                         'is wrong; --images FOLDER compares it with the image files')


def _add_notes(content: dict[str, Any], log: FixLog) -> None:
    annotations, categories = content['annotations'], content['categories']
    if not annotations:
        log.notes.append('the file has no annotations')
    used = {annotation['category_id'] for annotation in annotations}
    unused = [category['name'] for category in categories if category['id'] not in used]
    if unused and annotations:
        log.notes.append(f'categories without annotations, kept: {len(unused)} ({first_ten(unused)})')
    num_masks = sum('segmentation' in annotation for annotation in annotations)
    if 0 < num_masks < len(annotations):
        log.notes.append(f'annotations without a mask: {len(annotations) - num_masks} of {len(annotations)}; mask detectors '
                         'need one, and --masks box makes it from the box')
    elsewhere = [log.name(annotation) for annotation in annotations if _is_beside_mask(annotation)]
    if elsewhere:
        log.notes.append(f'boxes that do not touch their own mask: {len(elsewhere)}; one of the two is wrong, so look at them '
                         f'(ids {first_ten(elsewhere)})')
    if any(change.is_removal for change in log.changes) and any('image_count' in category for category in categories):
        log.notes.append('image_count and instance_count of the categories are those of the input; annotations were removed')


def _is_beside_mask(annotation: dict) -> bool:
    """Return whether the box and the box around the polygons have no point in common."""
    if not isinstance(annotation.get('segmentation'), list):
        return False
    x, y, width, height = annotation['bbox']
    mask_x, mask_y, mask_width, mask_height = mask_box(annotation['segmentation'])
    return x > mask_x + mask_width or mask_x > x + width or y > mask_y + mask_height or mask_y > y + height
