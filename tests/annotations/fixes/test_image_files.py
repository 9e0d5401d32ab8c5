"""Sizes that are compared with image files."""

import copy

import pytest

from imbdet.annotations.fixes import FixOptions, ImageFile, fix_content

from .contents import fix, make_content

INNER, WIDE, HIGH = [10, 10, 20, 20], [70, 10, 25, 20], [10, 60, 20, 35]


def one_image(box, file, choice=None, **image):
    """The size and box that remain of an image of 100 x 80 with a file of another size, and what is asked."""
    content = make_content([{'bbox': box, 'area': box[2] * box[3]}], [image])
    _, asked = fix(content, image_file=lambda name: file, boxes_drawn_at=choice)
    image = content['images'][0]
    return (image['width'], image['height']), [annotation['bbox'] for annotation in content['annotations']], asked


@pytest.mark.parametrize(('box', 'file', 'choice', 'boxes'), [
    (INNER, ImageFile(100, 80), None, [INNER]),
    (WIDE, ImageFile(80, 100, 6), None, [[50, 70, 20, 25]]),  # leaves the file as it is shown
    (HIGH, ImageFile(80, 100, 6), None, [HIGH]),  # leaves the size in the annotation file
    (INNER, ImageFile(80, 100, 6), 'stated', [[50, 10, 20, 20]]),
    (INNER, ImageFile(80, 100, 8), 'stated', [[10, 70, 20, 20]]),
    (INNER, ImageFile(80, 100, 6), 'file', [INNER]),
    (INNER, ImageFile(200, 160), 'stated', [[20, 20, 40, 40]]),
    (INNER, ImageFile(200, 160), 'file', [INNER]),
    (WIDE, ImageFile(50, 40), None, [[35, 5, 12.5, 10]]),
    (INNER, ImageFile(150, 120), 'file', [INNER]),
    ([70, 10, 60, 20], ImageFile(150, 120), None, [[70, 10, 60, 20]]),
])
def test_sizes_and_boxes(box, file, choice, boxes):
    assert one_image(box, file, choice) == (file.shown_size, boxes, [])


def test_what_boxes_do_not_show_is_asked():
    assert one_image(INNER, ImageFile(80, 100, 6))[2] == ['--boxes-drawn-at stated|file']
    assert one_image(INNER, ImageFile(200, 160))[2] == ['--boxes-drawn-at stated|file']
    assert one_image(INNER, ImageFile(80, 90), 'stated')[2] == [None]  # neither turned nor scaled


def test_swapped_sizes_are_asked_about_alone():
    """Next to a resized image, whose boxes are scaled: what is right for one is not for the other."""
    content = make_content([{'bbox': list(INNER)}, {'bbox': list(INNER), 'image_id': 2}], images=2)
    files = {'1.jpg': ImageFile(80, 100), '2.jpg': ImageFile(200, 160)}
    assert fix(copy.deepcopy(content), image_file=files.get)[1] == ['--boxes-drawn-at stated|file', '--swapped-sizes file']
    assert fix(content, image_file=files.get, boxes_drawn_at='stated', swapped_sizes='file')[1] == []
    assert [box['bbox'] for box in content['annotations']] == [INNER, [2 * value for value in INNER]]
    assert [(image['width'], image['height']) for image in content['images']] == [(80, 100), (200, 160)]


def test_a_folder_without_any_of_the_images():
    with pytest.raises(ValueError, match=r'none of the 2 images is there \(first: 1\.jpg\); --images is the folder'):
        fix(make_content(images=2), image_file=lambda name: None, missing_images='drop')


def test_missing_sizes_are_added():
    assert one_image(INNER, ImageFile(80, 100, 6), width=...) == ((80, 100), [INNER], [])


def test_the_size_of_an_image_without_boxes_is_not_asked():
    content = make_content([{}], images=2)
    files = {'1.jpg': ImageFile(100, 80), '2.jpg': ImageFile(50, 50)}
    assert fix(content, image_file=files.get) == ({'size corrected from the image file': [2]}, [])


def test_run_lengths_show_the_size_that_they_belong_to():
    for size, drawn in (([80, 100], [[50, 10, 20, 20]]), ([100, 80], [INNER])):
        content = make_content([{'segmentation': {'size': size, 'counts': [1000, 7000]}}])
        assert fix(content, image_file=lambda name: ImageFile(80, 100, 6))[1] == []
        assert [annotation['bbox'] for annotation in content['annotations']] == drawn
        assert content['annotations'][0]['segmentation']['size'] == [100, 80]


def test_images_upside_down_are_turned_like_those_on_their_side():
    boxes = [{'bbox': WIDE, 'area': 500}, {'image_id': 2, 'bbox': INNER}]
    files = {'1.jpg': ImageFile(80, 100, 6), '2.jpg': ImageFile(100, 80, 3)}
    content = make_content(boxes)
    report = fix_content(content, FixOptions(image_file=files.get))
    assert [(decision.option, decision.ids) for decision in report.decisions] == [('--boxes-drawn-at stated|file', [2])]
    content = make_content(boxes)
    fix(content, image_file=files.get, boxes_drawn_at='stated')
    assert [annotation['bbox'] for annotation in content['annotations']] == [[50, 70, 20, 25], [70, 50, 20, 20]]
    assert fix(content, image_file=files.get, boxes_drawn_at='stated') == ({}, [])


def test_images_upside_down_alone_are_named():
    report = fix_content(make_content([{}], images=1), FixOptions(image_file=lambda name: ImageFile(100, 80, 3)))
    assert report.changes == report.decisions == []
    assert 'without changing their size: 1; ' in report.notes[0]


@pytest.mark.parametrize(('choice', 'image_ids'), [('keep', [1, 2]), ('drop', [1]), (None, None)])
def test_missing_files(choice, image_ids):
    content = make_content([{}, {'image_id': 2}])
    _, asked = fix(content, image_file={'1.jpg': ImageFile(100, 80)}.get, missing_images=choice)
    assert asked == ([] if choice else ['--missing-images keep|drop'])
    if choice:
        assert [image['id'] for image in content['images']] == image_ids
        assert [annotation['image_id'] for annotation in content['annotations']] == image_ids


def test_keypoints_that_are_not_turned_are_named():
    content = make_content([{'bbox': WIDE, 'keypoints': [1, 2, 2]}], images=1)
    report = fix_content(content, FixOptions(image_file=lambda name: ImageFile(80, 100, 6)))
    assert any('keypoints of image 1' in note for note in report.notes)
