"""The file of score thresholds."""

import json

import pytest

from imbdet.classes.thresholds_file import ScoreThresholds, read_thresholds, write_thresholds


def test_round_trip_in_the_order_of_the_classes(tmp_path):
    path = tmp_path / 'thresholds.json'
    write_thresholds(path, ScoreThresholds({'Kühe': 0.25, 'b': 0.5, 'c': 1.0}, 'f1', 0.5))
    assert read_thresholds(path, ['b', 'Kühe']).tolist() == [0.5, 0.25]
    assert json.loads(path.read_text(encoding='utf-8'))['classes']['Kühe'] == 0.25


@pytest.mark.parametrize(('text', 'message'), [
    ('[]', 'is not a file of score thresholds'),
    ('{"classes": {"a": 0.5}, "aim": "f1"}', 'missing required field `iou`'),
    ('{"classes": {"a": 1.5}, "aim": "f1", "iou": 0.5}', r"must be in \[0, 1\], got 1.5 for 'a'"),
    ('{"classes": {"a": 0.5}, "aim": "f1", "iou": 0.5}', r"has no threshold for 2 of 3 classes \(first: 'b'\)")
])
def test_bad_files_are_named(text, message, tmp_path):
    path = tmp_path / 'thresholds.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_thresholds(path, 'abc')
    with pytest.raises(FileNotFoundError, match='no such file of score thresholds'):
        read_thresholds(tmp_path / 'none.json', 'abc')
