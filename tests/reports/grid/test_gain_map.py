"""The map of runs: where its points and intervals are, and names that do not overlap."""

import itertools

import numpy as np
import pytest
from matplotlib.text import Text

from imbdet.reports.grid.difference_figure import difference_limits
from imbdet.reports.grid.gain_map import gain_map_figure, rare_and_frequent
from imbdet.reports.grid.paired_difference import PairedDifference
from imbdet.reports.grid.point_names import free_shift, name_box

NAN = float('nan')
METRICS = ('lvis/bbox_APr', 'lvis/bbox_APf')


def difference(mean, margin=NAN):
    return PairedDifference(mean, NAN, mean - margin, mean + margin, 3)


@pytest.mark.parametrize(('metrics', 'places'), [
    (['a/bbox_AP', 'a/bbox_APr', 'a/bbox_APc', 'a/bbox_APf'], (1, 3)),
    (['a/bbox_APf', 'a/bbox_APr'], (1, 0)),
    (['a/bbox_APr', 'b/bbox_APr', 'b/bbox_APf'], (1, 2)),
    (['a/bbox_APr', 'a_fixed/bbox_APf'], None),
    (['a/bbox_APr', 'a/segm_APf'], None),
    (['a/bbox_APf', 'a/bbox_AP'], None),
    ([], None),
])
def test_metrics_of_rare_and_frequent_classes(metrics, places):
    assert rare_and_frequent(metrics) == places


def test_points_and_intervals_are_where_the_numbers_are():
    axes = gain_map_figure({'a': (difference(0.03, 0.02), difference(-0.01, 0.005)), 'b': (difference(0.01), difference(0.02))},
                           METRICS).axes[0]
    points = [line.get_xydata().tolist() for line in axes.lines if line.get_marker() == 'o']
    assert points == [[[0, 0]], [[-0.01, 0.03]], [[0.02, 0.01]]]
    horizontal, vertical = (collection.get_segments()[0] for collection in axes.collections[:2])
    np.testing.assert_allclose(horizontal, [[-0.015, 0.03], [-0.005, 0.03]])
    np.testing.assert_allclose(vertical, [[-0.01, 0.01], [-0.01, 0.05]])
    assert (axes.get_xlabel(), axes.get_ylabel()) == tuple(f'{name}, difference from the baseline' for name in METRICS[::-1])


def test_runs_of_one_color_have_different_markers():
    runs = {f'run {index}': (difference(0.01 * index), difference(0.0)) for index in range(30)}
    axes = gain_map_figure(runs, METRICS).axes[0]
    styles = [(line.get_color(), line.get_marker()) for line in axes.lines[2:]]
    assert len(set(styles)) == 31  # with that of the baseline


@pytest.mark.parametrize('seed', range(2))
def test_names_do_not_overlap(seed):
    """Twenty runs, half of them in one place, and one with an interval far wider than the picture."""
    means = np.random.default_rng(seed).normal(0, 0.02, (20, 2)) * np.repeat([[1], [0.05]], 10, axis=0)
    runs = {f'run_{index}$': (difference(x, 0.01), difference(y, 5 if index == 0 else 0.01))
            for index, (x, y) in enumerate(means)}
    axes = gain_map_figure(runs, METRICS).axes[0]
    axes.figure.draw_without_rendering()
    frame = axes.get_window_extent()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the line to the point
    assert [text.get_text() for text in axes.texts] == [*runs, 'baseline']
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)
    assert not [pair for pair in itertools.combinations(boxes, 2)
                if min(pair[0].x1, pair[1].x1) - max(pair[0].x0, pair[1].x0) > 0.5
                and min(pair[0].y1, pair[1].y1) - max(pair[0].y0, pair[1].y0) > 0.5]


def test_a_name_without_space_is_next_to_its_point():
    place, size, frame = np.array([50.0, 50.0]), np.array([40.0, 10.0]), np.array([0, 0, 400, 400])
    nearest, distance = free_shift(place, size, [], frame)
    crowded, _ = free_shift(place, size, [frame], frame)
    assert nearest.tolist() == crowded.tolist()
    assert np.abs(nearest).max() < distance + 20
    farther, farther_distance = free_shift(place, size, [name_box(place, np.zeros(2), np.array([60.0, 60.0]))], frame)
    assert farther_distance > distance
    assert np.abs(farther).max() > 30


@pytest.mark.parametrize(('found', 'space', 'limits'), [
    ([difference(0.02, 0.01)], 0.1, (-0.015, 0.045)),  # all of the interval, and 0
    ([difference(0.02, 0.5), difference(-0.04)], 0.1, (-0.155, 0.135)),  # cut off
    ([difference(NAN), difference(-0.04, 0.0)], 0.1, (-0.055, 0.015)),
    ([difference(0.0, 0.0)], 0.0, (-0.01, 0.01)),
])
def test_limits_of_an_axis(found, space, limits):
    assert difference_limits(found, space) == pytest.approx(limits)
