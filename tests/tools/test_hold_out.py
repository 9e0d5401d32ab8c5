"""tools/data/hold_out.py: sizes as the authors of MiPa hold out, runs of frames, and what they avoid."""

import math
import random

import pytest


@pytest.fixture(scope='module')
def hold_out(load_tool):
    return load_tool('tools/data/hold_out.py').hold_out


@pytest.mark.parametrize('number', [2, 9, 10, 11, 499, 500, 501, 4129, 7601, 12025])
def test_one_run_of_each_window(hold_out, number):
    frames = [f'{index:06d}' for index in range(number)]
    train, valid = hold_out(frames, seed=3)
    assert sorted(train + valid) == frames
    assert (train, valid) == (sorted(train), sorted(valid))
    assert len(train) == number - math.ceil(number / 10)
    chosen = set(valid)
    for start in range(0, number, 500):
        window = frames[start:start + 500]
        held = [index for index, frame in enumerate(window) if frame in chosen]
        assert held == list(range(held[0], held[0] + math.ceil(len(window) / 10)))


def test_seed(hold_out):
    frames = list(range(1000))
    splits = [hold_out(frames, seed) for seed in range(40)]
    assert hold_out(frames, 7) == splits[7]
    first = [valid[0] for _, valid in splits]
    assert len(set(first)) > 30
    assert 0 <= min(first) < 100
    assert 350 < max(first) <= 450
    assert any(valid[0] != valid[50] - 500 for _, valid in splits)  # the windows do not share a place
    assert {tuple(hold_out('ab', seed)[1]) for seed in range(20)} == {('a', ), ('b', )}


def test_frames_with_a_neighbor_in_training(hold_out):
    """Both ends of each run have one; of frames that are drawn one by one, almost all."""

    def leaking(valid):
        return sum(frame - 1 not in valid or frame + 1 not in valid for frame in valid) / len(valid)

    frames = range(12025)
    assert leaking(set(hold_out(frames, 0)[1])) < 0.05
    assert leaking(set(random.Random(0).sample(frames, 1203))) > 0.95


@pytest.mark.parametrize('number', [0, 1])
def test_too_few_frames(hold_out, number):
    with pytest.raises(ValueError, match=f'^{number} training pairs cannot be split into training and validation; unpack'):
        hold_out(list(range(number)), 0)
