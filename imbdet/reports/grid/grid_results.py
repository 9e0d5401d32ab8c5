"""Results of a grid of trainings: one for each run and seed, in one JSON file that can be merged with others."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from imbdet.files import atomic_write


class ClassAP(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """AP of one class, None without ground truth; its frequency group, and the training images that hold it."""

    name: str
    frequency: str
    train_images: int
    ap: float | None


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one training of a grid gave.

    Attributes:
        name: Name of its run in the grid.
        baseline: Name of the run that it is compared with; its own for a baseline.
        seed: Its seed.
        config: The config file.
        fingerprint: Hash of the whole config but its seed and folder, so that unlike trainings are not taken for one run.
        metrics: The last validation's.
        classes: AP of each class in it, where LongTailMetric knows the training images; else empty.
        iterations: Iterations trained.
        images: Images seen, repeated ones each time.
        step_seconds: Median time of an iteration, with the loading of its batch, beside whatever else the machine did.
        device: What it ran on.
        versions: Versions of imbdet, torch and mmdet.
    """

    name: str
    baseline: str
    seed: int
    config: str
    fingerprint: str
    metrics: dict[str, float]
    classes: list[ClassAP]
    iterations: int
    images: int
    step_seconds: float
    device: str
    versions: dict[str, str]


class GridResultsError(ValueError):
    """A file of results, or two of them together, that cannot be used."""


def read_results(path: str | Path) -> list[Training]:
    """Read a file that :func:`write_results` wrote.

    Args:
        path: The file.

    Returns:
        Its trainings.

    Raises:
        FileNotFoundError: If there is none.
        GridResultsError: If it holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'results not found: {path}')
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Training])
    except msgspec.DecodeError as error:
        raise GridResultsError(f'{path} is no file of results of imbdet grid: {error}') from error


def write_results(path: str | Path, trainings: Iterable[Training]) -> None:
    """Write trainings to a JSON file.

    Args:
        path: The file.
        trainings: The trainings.
    """
    with atomic_write(path) as file:
        file.write_text(json.dumps(msgspec.to_builtins(list(trainings)), indent=1) + '\n')


def merge_results(parts: Iterable[Sequence[Training]]) -> list[Training]:
    """Put the trainings of several files together, in the order in which runs appear first, each run's by seed.

    Args:
        parts: Trainings of each file. One that stands in several, exactly alike, counts once.

    Returns:
        All trainings.

    Raises:
        GridResultsError: If two differ and have one name and seed, or if trainings of one run had different configs.
    """
    merged: dict[str, dict[int, Training]] = {}
    for training in (training for part in parts for training in part):
        seeds = merged.setdefault(training.name, {})
        for other in seeds.values():
            if other.fingerprint != training.fingerprint or other.baseline != training.baseline:
                raise GridResultsError(f'{training.name}: the trainings of seeds {other.seed} and {training.seed} had '
                                       'different configs, so they are no one run; name them apart or train one anew')
        if seeds.setdefault(training.seed, training) != training:
            raise GridResultsError(f'{training.name}, seed {training.seed} stands twice with different results; leave one out')
    return [seeds[seed] for seeds in merged.values() for seed in sorted(seeds)]
