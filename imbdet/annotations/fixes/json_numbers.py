"""Numbers as exporters write them: as text, as floats, as NaN."""

import re
from typing import Any, TypeGuard

LARGEST = 2**63 - 1
"""Numbers beyond it are no pixels, and no ids that fit into an int64 array."""
NUMBER = re.compile(r'[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?', re.ASCII)


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a value is a finite number, neither text nor bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST


def as_number(value: Any) -> float | None:
    """Convert a finite number, or the text of one.

    Args:
        value: Any JSON value.

    Returns:
        The number; an integer stays one. None if it is not a finite number.
    """
    if isinstance(value, str) and len(value) < 40 and NUMBER.fullmatch(value.strip()):
        value = float(value) if re.search('[.eE]', value) else int(value)
    return value if is_number(value) else None


def as_integer(value: Any) -> int | None:
    """Convert an integer, a whole float, or the text of one.

    Args:
        value: Any JSON value.

    Returns:
        The integer, which fits into int64; None if it is not whole or not a number.
    """
    number = as_number(value)
    return int(number) if number is not None and number == int(number) and abs(int(number)) <= LARGEST else None


def are_numbers(values: Any, length: int | None = None) -> TypeGuard[list[float]]:
    """Return whether a value is a list of finite numbers.

    Args:
        values: Any JSON value.
        length: How many there must be; None for any number but zero.
    """
    return (isinstance(values, list) and bool(values) and (length is None or len(values) == length)
            and all(is_number(value) for value in values))
