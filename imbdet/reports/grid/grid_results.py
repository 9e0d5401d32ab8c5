"""Results of a grid: one training per run and seed, in a JSON file that can be merged with others."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from imbdet.files import atomic_write


class ClassAP(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """AP of one class (None without ground truth), its frequency group, and the training images that contain it."""

    name: str
    frequency: str
    train_images: int
    ap: float | None


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Results of one training of a grid.

    Attributes:
        name: Name of its run in the grid.
        baseline: Name of the run that it is compared with; its own name for a baseline.
        seed: Its seed.
        config: The config file.
        fingerprint: Hash of the config without seed and folder, which identifies trainings of the same run.
        metrics: Metrics of the last validation.
        classes: AP of each class in it if LongTailMetric knows the training images; else empty.
        iterations: Iterations trained.
        images: Images seen, including repeats.
        step_seconds: Median time per iteration with data loading; depends on what else ran on the machine.
        device: Name of the GPU, or the number of CPU cores.
        versions: Versions of imbdet, torch and mmdet.
        boxes: Boxes seen, including repeats, without crowd and ignored ones; None if they were not counted.
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
    boxes: int | None = None


class GridResultsError(ValueError):
    """A results file of a grid that cannot be read or merged."""


def read_results(path: str | Path) -> list[Training]:
    """Read a file that :func:`write_results` wrote.

    Args:
        path: The file.

    Returns:
        Its trainings.

    Raises:
        FileNotFoundError: If there is no such file.
        GridResultsError: If it is not such a file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'results not found: {path}')
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Training])
    except msgspec.DecodeError as error:
        raise GridResultsError(f'{path} is not a results file of imbdet grid: {error}') from error


def write_results(path: str | Path, trainings: Iterable[Training]) -> None:
    """Write trainings to a JSON file.

    Args:
        path: The file.
        trainings: The trainings.
    """
    with atomic_write(path) as file:
        file.write_text(json.dumps(msgspec.to_builtins(list(trainings)), indent=1) + '\n')


def merge_results(parts: Iterable[Sequence[Training]]) -> list[Training]:
    """Merge the trainings of several files, in the order in which runs first appear, sorted by seed within a run.

    Args:
        parts: Trainings of each file. Identical trainings in several files count once.

    Returns:
        All trainings.

    Raises:
        GridResultsError: If two different trainings have the same name and seed, or trainings of one run had different configs.
    """
    merged: dict[str, dict[int, Training]] = {}
    for training in (training for part in parts for training in part):
        seeds = merged.setdefault(training.name, {})
        for other in seeds.values():
            if other.fingerprint != training.fingerprint or other.baseline != training.baseline:
                raise GridResultsError(f'{training.name}: the trainings of seeds {other.seed} and {training.seed} had '
                                       'different configs, so they are not the same run; rename one or train it again')
        if seeds.setdefault(training.seed, training) != training:
            raise GridResultsError(f'{training.name}, seed {training.seed} appears twice with different results; remove one')
    return [seeds[seed] for seeds in merged.values() for seed in sorted(seeds)]
