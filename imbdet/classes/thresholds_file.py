"""The file of score thresholds by class: what ``imbdet thresholds`` writes, and what tests and a user's own code read."""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from imbdet.files import atomic_write


class Probabilities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a score becomes the probability that the detection is correct, sigmoid(slope logit(score) + shift of its class).

    Attributes:
        slope: The slope, above 0.
        shifts: Shift by class name.
    """

    slope: float
    shifts: dict[str, float]


class ScoreThresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Score thresholds by class; a detection is kept if its score is above the threshold of its class.

    Attributes:
        classes: Threshold by class name, in [0, 1].
        aim: What they were chosen for, such as ``'f1'`` or ``'precision 0.9'``.
        iou: IoU at which a detection counted as correct, in (0, 1].
        probabilities: Scores as probabilities, for a user's own code; None if they cannot be fitted.
    """

    classes: dict[str, float]
    aim: str
    iou: float
    probabilities: Probabilities | None = None


def write_thresholds(path: str | Path, thresholds: ScoreThresholds) -> None:
    """Write thresholds to a JSON file.

    Args:
        path: The file.
        thresholds: The thresholds.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(msgspec.to_builtins(thresholds), indent=1, ensure_ascii=False) + '\n', encoding='utf-8')


def read_thresholds(path: str | Path, names: Sequence[str]) -> np.ndarray:
    """Read the thresholds of a detector's classes.

    Args:
        path: A file that ``imbdet thresholds`` wrote.
        names: The C class names, in the order of the detector's labels.

    Returns:
        The threshold of each class, shape (C,), float64.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, a threshold is not in [0, 1], or a class is missing in it.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such file of score thresholds; imbdet thresholds writes one')
    try:
        found = msgspec.json.decode(Path(path).read_bytes(), type=ScoreThresholds).classes
    except msgspec.DecodeError as error:
        raise ValueError(f'{path} is not a file of score thresholds as imbdet thresholds writes it: {error}') from error
    outside = next((f'{value} for {name!r}' for name, value in found.items() if not 0 <= value <= 1), None)
    if outside:
        raise ValueError(f'{path}: thresholds must be in [0, 1], got {outside}')
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f'{path} has no threshold for {len(missing)} of {len(names)} classes (first: {missing[0]!r}); it is '
                         'of another data set')
    return np.array([found[name] for name in names])
