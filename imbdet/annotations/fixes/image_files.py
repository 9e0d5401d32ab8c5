"""Sizes of images, compared with their files; boxes and masks turned or scaled where they belong to another size."""

from collections import defaultdict
from typing import Any

from tqdm import tqdm

from imbdet.annotations.fault import first_ten
from imbdet.annotations.fixes.fix_log import FixLog
from imbdet.annotations.fixes.images import remove_images, stated_size
from imbdet.annotations.fixes.json_numbers import are_numbers
from imbdet.annotations.fixes.move import Scale, Turn, move_annotation
from imbdet.annotations.fixes.options import FixOptions, ImageFile

Files = dict[Any, ImageFile]


def read_sizes(content: dict[str, Any], options: FixOptions, log: FixLog) -> Files:
    """Read the sizes of all image files, and add those that the annotation file lacks.

    Args:
        content: Content of the file, changed in place; ids are unique.
        options: Decisions, and the function that reads a size.
        log: The record of changes.

    Returns:
        Sizes by image id, without files that are missing; none if the options have no such function.
    """
    files: Files = {}
    if options.image_file is not None:
        named = [image for image in content['images'] if image.get('file_name')]
        for image in tqdm(named, desc='image files', unit='image', disable=None):
            file = options.image_file(image['file_name'])
            if file is not None:
                files[image['id']] = file
        _missing_files(content, [image for image in named if image['id'] not in files], files, options, log)
    for image in content['images']:
        if stated_size(image) is None and image['id'] in files:
            image['width'], image['height'] = files[image['id']].shown_size
            log.change('size added from the image file', image)
    log.ask('width and height are not positive integers. --images reads them from the files', '--images FOLDER',
            [image for image in content['images'] if stated_size(image) is None])
    return files


def fix_sizes(content: dict[str, Any], files: Files, options: FixOptions, log: FixLog) -> None:
    """Correct sizes that differ from the files, and move boxes and masks if they belong to the wrong size.

    Boxes of an image that leave one of the two sizes belong to the other; without such boxes the options decide. Tools that
    ignore the EXIF orientation show images as they are stored. Its effect on the size is seen if it exchanges width and height.
    If some images were shown so, those that it mirrors or turns by 180 degrees were too.

    Args:
        content: Content of the file, changed in place; boxes are x, y, width, height in pixels.
        files: Sizes from :func:`read_sizes`.
        options: Decisions.
        log: The record of changes.
    """
    annotations = defaultdict(list)
    for annotation in content['annotations']:
        annotations[annotation['image_id']].append(annotation)
    unclear, swapped, strange = [], [], []
    for image in _suspect_images(content, files, annotations, log):
        own, file = annotations[image['id']], files[image['id']]
        drawn_at = _drawn_at(own, (image['width'], image['height']), file.shown_size) if own else 'file'
        if drawn_at is None and _is_swapped(image, file):
            if options.swapped_sizes is None:
                swapped.append(image)
                continue
            drawn_at = 'file'
        drawn_at = drawn_at or options.boxes_drawn_at
        if drawn_at is None:
            unclear.append(image)
        elif drawn_at == 'stated' and _map(image, file) is None:
            strange.append(image)
        else:
            _correct(image, own, file, drawn_at, log)
    log.ask('size or EXIF orientation differs from the image file; the boxes fit both. stated: the boxes belong to the size '
            'in the annotation file, and are turned or scaled; file: they belong to the image, and only the size is corrected',
            '--boxes-drawn-at stated|file', unclear)
    log.ask('width and height are those of the image file exchanged, and no EXIF orientation explains it; the boxes fit both. '
            'file: they belong to the image, and only the size is corrected. If the image was turned after they were drawn, '
            'they are wrong: remove it', '--swapped-sizes file', swapped)
    log.ask('size has other proportions than the image file, so the boxes belong to another image or to a part of it; '
            'correct or remove them', None, strange)


def _suspect_images(content: dict[str, Any], files: Files, annotations: dict[Any, list[dict]], log: FixLog) -> list[dict]:
    """Return the images of another size than their file, and those that were shown without their EXIF orientation, too."""
    images = [image for image in content['images'] if image['id'] in files]
    wrong = {image['id'] for image in images if stated_size(image) != files[image['id']].shown_size}
    turned = [image for image in images if image['id'] not in wrong and files[image['id']].orientation > 1
              and annotations[image['id']] and stated_size(image) == files[image['id']].stored_size]
    if any(stated_size(image) == files[image['id']].stored_size for image in images if image['id'] in wrong):
        wrong.update(image['id'] for image in turned)
    elif turned:
        log.notes.append('images that their EXIF orientation mirrors or turns without changing their size: '
                         f'{len(turned)}; mmdet applies it, so look whether their boxes are in the right places (ids '
                         f'{first_ten([log.name(image) for image in turned])})')
    return [image for image in images if image['id'] in wrong]


def _missing_files(content: dict[str, Any], missing: list[dict], files: Files, options: FixOptions, log: FixLog) -> None:
    if missing and not files:
        raise ValueError(f'none of the {len(missing)} images is there (first: {missing[0]["file_name"]}); --images is the '
                         'folder that the file names start from')
    if options.missing_images is None:
        log.ask('image file missing or unreadable. keep: leave them in the file; drop: remove them with their annotations',
                '--missing-images keep|drop', missing)
    elif options.missing_images == 'drop':
        remove_images(content, {image['id'] for image in missing}, 'image file missing or unreadable', log)
    elif missing:
        log.notes.append(f'images kept without a readable file: {len(missing)}')


def _drawn_at(annotations: list[dict], stated: tuple[int, int], shown: tuple[int, int]) -> str | None:
    """Return the size that the boxes of an image belong to: the one that none leaves, if some leave the other."""
    if stated == shown:
        return None
    leaves_stated, leaves_shown = (any(_leaves(annotation, size, other) for annotation in annotations)
                                   for size, other in ((stated, shown), (shown, stated)))
    if leaves_stated == leaves_shown:
        return None
    return 'file' if leaves_stated else 'stated'


def _leaves(annotation: dict, size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether a box leaves an image of this size by more than rounding, or its run-length mask is of the other."""
    box, segmentation = annotation.get('bbox'), annotation.get('segmentation')
    if isinstance(segmentation, dict) and segmentation.get('size') == [*other[::-1]]:
        return True
    return are_numbers(box, 4) and (box[0] + box[2] > size[0] + 1 or box[1] + box[3] > size[1] + 1)


def _is_swapped(image: dict, file: ImageFile) -> bool:
    """Return whether width and height are exchanged, which scaling cannot explain, and no EXIF orientation does."""
    return (image['height'], image['width']) == file.shown_size and file.orientation < 5 and _map(image, file) is None


def _map(image: dict, file: ImageFile) -> Turn | Scale | None:
    """Return what moves points from the stated size to the image; None if it is neither turned nor scaled."""
    stated = image['width'], image['height']
    if stated == file.stored_size and file.orientation > 1:
        return Turn(file.orientation, *file.stored_size)
    if abs(stated[0] * file.height - stated[1] * file.width) > max(*stated, *file.shown_size):
        return None  # sides that are rounded to pixels keep their ratio within this
    return Scale(stated, file.shown_size)


def _correct(image: dict, annotations: list[dict], file: ImageFile, drawn_at: str, log: FixLog) -> None:
    if drawn_at == 'stated':
        move = _map(image, file)
        assert move is not None
        is_turn = isinstance(move, Turn)
        kind = 'turned by the EXIF orientation' if is_turn else 'scaled to the size of the image file'
        record = log.change if is_turn else log.change_box  # turning keeps areas
        for annotation in annotations:
            move_annotation(annotation, move)
            record(kind, annotation)
        if any('keypoints' in annotation for annotation in annotations):
            log.notes.append(f'keypoints of image {log.name(image)} were not {kind}; correct them')
    if stated_size(image) != file.shown_size:
        image['width'], image['height'] = file.shown_size
        log.change('size corrected from the image file', image)
