import csv
import json
import re

import numpy as np
import pytest
from PIL import Image
from scipy.sparse import csr_array

from imbdet.reports.dataset.split_numbers import SplitOptions, analyze_split
from imbdet.reports.dataset.split_report import write_split_report
from imbdet.reports.dataset.split_text import split_lead

NAMES = ['often', 'seldom', 'alone', 'together', 'never', '<odd>']
BOXES = np.zeros((20, 6), dtype=int)
BOXES[:, 0] = [1, 3] * 10
BOXES[[2, 5, 7, 11], 1] = [1, 5, 1, 1]
BOXES[3, 2] = 2
BOXES[[0, 1], 3] = 1
BOXES[[4, 9], 5] = 1
GROUPS = np.array([0, 0, *range(1, 19)])
PARTS = np.isin(np.arange(20), [5, 9, 12, 13]).astype(int)
FOLDS = np.arange(20) % 3
FOLDS[1] = FOLDS[0]


def findings(source='all.json', parts=PARTS, shares=(0.8, 0.2), is_folds=False, boxes=BOXES, **keys):
    options = SplitOptions(source, shares, is_folds, seed=7, group_by='video')
    return analyze_split(options, NAMES, csr_array(boxes), GROUPS, parts, **keys)


def counted(parts, part, boxes=BOXES):
    """Images and boxes of each class in a part, by loops."""
    images = [sum(1 for row, where in zip(boxes, parts, strict=True) if where == part and row[label]) for label in range(6)]
    return images, [sum(row[label] for row, where in zip(boxes, parts, strict=True) if where == part) for label in range(6)]


@pytest.mark.parametrize(('parts', 'shares', 'is_folds'), [(PARTS, (0.8, 0.2), False), (FOLDS, (1 / 3, ) * 3, True)])
def test_every_number_of_the_json(tmp_path, parts, shares, is_folds):
    write_split_report(tmp_path, findings(parts=parts, shares=shares, is_folds=is_folds))
    content = json.loads((tmp_path / 'split.json').read_text())
    by_part = [counted(parts, part) for part in range(len(shares))]
    validation = range(len(shares)) if is_folds else [1]
    deviations, absent, untrained = ([], []), 0, 0
    for label, row in enumerate(content['classes']):
        assert (row['name'], row['images'], row['boxes']) == (NAMES[label], [images[label] for images, _ in by_part],
                                                              [boxes[label] for _, boxes in by_part])
        assert row['groups'] == len({GROUPS[image] for image in range(20) if BOXES[image, label]})
        for kind, key in enumerate(('validation_image_shares', 'validation_box_shares')):
            total = sum(counts[kind][label] for counts in by_part)
            expected = [by_part[part][kind][label] / total if total else None for part in validation]
            assert row[key] == expected
            deviations[kind].extend(abs(share - shares[part]) for share, part in zip(expected, validation, strict=True)
                                    if total)
            absent += kind == 0 and expected.count(0)
            untrained += kind == 0 and expected.count(1)
    assert content['split'] == {
        'not_in_validation': pytest.approx(absent / len(validation)),
        'not_in_training': pytest.approx(untrained / len(validation)),
        'largest_image_deviation': pytest.approx(max(deviations[0])),
        'mean_image_deviation': pytest.approx(np.mean(deviations[0])),
        'largest_box_deviation': pytest.approx(max(deviations[1])),
        'mean_box_deviation': pytest.approx(np.mean(deviations[1]))}
    assert content['num_images'] == [int((parts == part).sum()) for part in range(len(shares))]
    assert (content['num_groups'], content['largest_group'], content['seed'], content['num_random']) == (19, 2, 7, 20)


def test_random_splits_are_of_the_same_groups_with_about_the_wanted_shares():
    random = findings().random
    assert len({counts.images.tobytes() for counts in random}) > 10
    for counts in random:
        assert abs(counts.num_images[1] - 4) <= 1
        assert counts.images.sum(axis=0).tolist() == (BOXES > 0).sum(axis=0).tolist()
        assert counts.images[1, 3] in (0, 2)  # its images are a group
    seldom = np.mean([counts.image_shares[0, 0] for counts in random])
    assert 0.15 < seldom < 0.25


def test_the_page_has_the_classes_their_numbers_and_the_picture(tmp_path):
    text = write_split_report(tmp_path, findings(copies=[['a.png', 'b.png']], warnings=['all.json: 3 annotations are odd']))
    page = (tmp_path / 'index.html').read_text()
    cells = [re.findall('<td>(.*?)</td>', row) for row in page.split('<tr>')]
    table = {row[0]: row[1:] for row in cells if len(row) == 11}
    assert list(table) == ['never', 'alone', 'together', '&lt;odd&gt;', 'seldom', 'often']
    assert table['seldom'][:8] == ['4', '8', '3', '1', '3', '5', '25.0', '62.5']
    assert table['never'] == ['0', '0', '0', '0', '0', '0', '', '', '', '']
    missing = {row[0]: row[1:] for row in cells if len(row) == 4}
    assert missing == {'alone': ['1', 'validation', 'all its images are in one group'],
                       'together': ['2', 'validation', 'all its images are in one group'],
                       'never': ['0', 'all', 'it has no boxes that count']}
    assert 'data:image/png;base64' in page
    for words in ('a.png', 'all.json: 3 annotations are odd.', 'Split of all.json',
                  '20 images with 54 boxes of 6 classes, seed 7.',
                  'Training: 16 (80.0 %) images. Validation: 4 (20.0 %); target: 20 %.'):
        assert words in page
        assert words in ' '.join(text.split())
    with Image.open(tmp_path / 'split.png') as picture:
        assert picture.width > 1000


def test_classes_that_could_be_in_all_parts_and_are_not_are_told(tmp_path):
    text = write_split_report(tmp_path, findings(parts=(np.arange(20) > 15).astype(int)))
    assert re.search('seldom +4 +validation +no division was found with more classes in all parts', text)
    assert re.search('classes missing in validation +4 ', text)
    text = write_split_report(tmp_path, findings(parts=(np.arange(20) < 8).astype(int)))
    assert re.search('alone +1 +training +all its images', text)
    assert re.search('classes missing in training +2 ', text)


def test_folds_of_a_class_that_is_in_few_of_them(tmp_path):
    text = write_split_report(tmp_path, findings(parts=FOLDS, shares=(1 / 3, ) * 3, is_folds=True))
    assert re.search('alone +1 +validation of folds 1, 2, training of fold 0 +all its images are in one group', text)
    assert re.search('<odd> +2 +validation of fold 2 +it is in fewer groups than there are folds', text)
    assert 'Images of the folds: 8 (40.0 %), 6 (30.0 %), 6 (30.0 %).' in ' '.join(text.split())
    assert re.search(r'seldom +4 +8 +0.0 to 75.0 +0.0 to 87.5', text)


def test_the_csv_has_a_row_for_each_class(tmp_path):
    write_split_report(tmp_path, findings())
    with (tmp_path / 'split.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [row['class'] for row in rows] == NAMES
    keys = ('images', 'boxes', 'images train', 'images val', 'boxes train', 'boxes val', 'images val %', 'boxes val %')
    assert [rows[1][key] for key in keys] == ['4', '8', '3', '1', '3', '5', '25.0', '62.5']
    assert rows[4]['images val %'] == rows[4]['random: boxes val %'] == ''


def test_a_file_without_boxes_has_no_picture(tmp_path):
    text = write_split_report(tmp_path, findings(boxes=np.zeros((20, 6), dtype=int)))
    assert not (tmp_path / 'split.png').exists()
    assert re.search('largest deviation of images, in percentage points +0.00 +0.00', text)


def test_the_lead_tells_groups_from_single_images():
    grouped = 'The images are in 19 groups that are not divided (--group-by video). The largest has 2 images.'
    assert grouped in split_lead(findings())
    options = SplitOptions('all.json', (0.8, 0.2))
    assert 'groups' not in split_lead(analyze_split(options, NAMES, csr_array(BOXES), np.arange(20), PARTS))
