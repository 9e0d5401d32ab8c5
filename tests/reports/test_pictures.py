"""Pictures show what they are given; how they look, a person has to see."""

import csv
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from imbdet.annotations import load_annotations
from imbdet.reports import choose_images, draw_class_curve, draw_detections
from imbdet.reports.drawing.class_curve import draw_class_curves, running_mean, running_mean_width
from imbdet.reports.drawing.figures import RUN_COLORS, new_figure, save_figure

COLUMNS = ('category_id', 'name', 'frequency', 'train_images', 'AP', 'AP50', 'AP75')


def write_table(path, rows):
    with path.open('w', newline='') as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path


def shows(path, color):
    """Whether a picture has pixels of a color, given as RGB."""
    return (np.abs(cv2.imread(str(path))[..., ::-1].astype(int) - color).max(2) < 12).any()


def test_class_curve(tmp_path):
    rows = [(1, 'a', 'r', 3, 0.1, 0.2, ''), (2, 'b', 'f', 300, 0.5, 0.6, 0.4), (3, 'c', 'c', 0, '', '', '')]
    picture = draw_class_curve(write_table(tmp_path / 'table.csv', rows), tmp_path / 'curve.png')
    assert shows(picture, (0xc0, 0x39, 0x2b))
    assert shows(picture, (0x1f, 0x61, 0x8d))
    assert not shows(picture, (0xd6, 0x89, 0x10))  # the common class has no AP


def test_class_curve_of_nothing(tmp_path):
    table = write_table(tmp_path / 'table.csv', [(1, 'a', 'r', '', 0.1, 0.2, 0.1)])
    with pytest.raises(ValueError, match=r'table\.csv has no class with both a number of training images .*train_ann_file'):
        draw_class_curve(table, tmp_path / 'curve.png')
    assert not (tmp_path / 'curve.png').exists()


def test_class_curves_of_several_runs(tmp_path):
    groups, counts = np.array(['r'] * 10), np.arange(1, 11)
    first, second, third = ([int(color[place:place + 2], 16) for place in (1, 3, 5)] for color in RUN_COLORS[:3])
    runs = {'one': np.linspace(0, 0.5, 10), 'two': np.full(10, np.nan)}
    runs['two'][3:] = 0.6
    picture = draw_class_curves(tmp_path / 'curves.png', list('abcdefghij'), groups, counts, runs)
    assert shows(picture, first)
    assert shows(picture, second)
    assert not shows(picture, third)


@pytest.mark.parametrize('number', [1, 4, 5, 100])
def test_running_mean_against_a_loop(number):
    rng = np.random.default_rng(number)
    counts, values, size = rng.integers(1, 50, number), rng.random(number), running_mean_width(number)
    assert size == {1: 1, 4: 4, 5: 5, 100: 12}[number]
    x, y = running_mean(counts, values, size)
    order = sorted(range(number), key=lambda index: counts[index])
    assert len(x) == number - size + 1
    for index in range(len(x)):
        members = order[index:index + size]
        assert y[index] == pytest.approx(sum(values[member] for member in members) / size)
        assert x[index] == pytest.approx(np.prod(counts[members].astype(float))**(1 / size))


def test_images_are_chosen_rarest_class_first(annotation_file):
    content = load_annotations(annotation_file([(1, 1), (1, 1), (2, 1), (2, 2), (1, 3), (3, 3), (3, 3)]))
    assert choose_images(content, 9) == [2, 1, 3]
    assert choose_images(content, 1) == [2]


def test_detections(annotation_file, tmp_path):
    path = annotation_file([(1, 1), (2, 2)])
    found = [{'image_id': 1, 'category_id': 1, 'bbox': [10, 10, 20, 20], 'score': score} for score in (0.9, 0.2)]
    (tmp_path / 'found.json').write_text(json.dumps(found))
    with pytest.raises(FileNotFoundError, match=r'1\.jpg'):
        draw_detections(path, tmp_path / 'found.json', tmp_path, tmp_path / 'found.png')
    for image_id in (1, 2):
        cv2.imwrite(str(tmp_path / f'{image_id}.jpg'), np.zeros((100, 100, 3), np.uint8))
    arguments = (path, tmp_path / 'found.json', tmp_path, tmp_path / 'found.png')
    green = (0x27, 0xae, 0x60)  # the file gives no frequencies
    assert shows(draw_detections(*arguments), green)
    assert not shows(draw_detections(*arguments, score_threshold=0.95), green)


def test_a_saved_figure_is_what_matplotlib_saves(tmp_path):
    """Drawn once, where savefig draws it twice."""
    figure = new_figure(4, 2)
    axes = figure.add_subplot()
    axes.plot([1, 10], [3, 30])
    axes.set_yscale('log')
    axes.set_title('a title')
    figure.savefig(tmp_path / 'expected.png', dpi=120)
    saved, expected = (Image.open(path) for path in (save_figure(figure, tmp_path / 'saved.png'), tmp_path / 'expected.png'))
    assert saved.size == (480, 240)
    assert saved.info['dpi'] == expected.info['dpi']
    assert np.array_equal(saved, expected)
