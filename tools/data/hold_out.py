"""Validation frames held out of a training set of video frames, shared by the converters of LLVIP, FLIR and KAIST."""

import random
from collections.abc import Sequence
from typing import TypeVar

WINDOW = 500
T = TypeVar('T')


def hold_out(frames: Sequence[T], seed: int) -> tuple[list[T], list[T]]:
    """Hold out a tenth of the frames: of every 500 in a row, one run of 50 at a random place.

    Neighboring frames of a video are almost the same image. Drawn one by one, nearly every validation frame would have
    neighbors in training, and validation would reward a detector for memorizing them. Of a run, only both ends have. The
    places are still those of training: validation is easier than a test in other places.

    Args:
        frames: In the order of recording.
        seed: Of the places of the runs; the same seed and frames give the same split.

    Returns:
        Training and validation frames, in the order of ``frames``; the latter are ceil(n / 10).

    Raises:
        ValueError: If there are fewer than two frames.
    """
    if len(frames) < 2:
        raise ValueError(f'{len(frames)} training pairs cannot be split into training and validation; unpack all of them')
    rng = random.Random(seed)
    held = set[int]()
    for start in range(0, len(frames), WINDOW):
        size = min(WINDOW, len(frames) - start)
        length = -(-size // 10)
        first = start + rng.randrange(size - length + 1)
        held.update(range(first, first + length))
    return ([frame for index, frame in enumerate(frames) if index not in held],
            [frame for index, frame in enumerate(frames) if index in held])


def description(seed: int) -> str:
    """Describe the split, for the ``info`` of its annotation files."""
    return f'of every {WINDOW} training pairs, one run of {WINDOW // 10} for validation; seed {seed}'
