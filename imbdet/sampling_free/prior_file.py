"""The file of measured foreground priors."""

import json
from pathlib import Path

from imbdet.files import atomic_write

FILE_NAME = 'foreground_prior.json'


def write_priors(folder: str | Path, records: dict[str, dict]) -> Path:
    """Write ``foreground_prior.json``.

    Args:
        folder: The work directory.
        records: For each head by name its ``prior`` and, where it was measured, its counts.

    Returns:
        The path of the file.
    """
    path = Path(folder) / FILE_NAME
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(records, indent=2) + '\n')
    return path


def read_priors(path: str | Path) -> dict[str, float]:
    """Read a ``foreground_prior.json``.

    Args:
        path: The file.

    Returns:
        The prior of each head by name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no priors.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file of foreground priors (prior is 'measure', a number or such a file)")
    try:
        return {name: float(record['prior']) for name, record in json.loads(Path(path).read_text()).items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f'{path}: not a file of foreground priors as OptimalBiasInitHook writes it, '
                         f"{{head: {{'prior': number}}}} ({type(error).__name__}: {error})") from None
