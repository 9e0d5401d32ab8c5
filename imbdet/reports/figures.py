"""What all pictures share: colours of the frequency groups and a figure that needs no display."""

from typing import Any

GROUP_NAMES = {'r': 'rare', 'c': 'common', 'f': 'frequent'}
GROUP_COLOURS = {'r': '#c0392b', 'c': '#d68910', 'f': '#1f618d'}


def new_figure(width: float, height: float) -> Any:
    """Make a matplotlib figure that is drawn in memory, with or without a display.

    Args:
        width: In inches.
        height: In inches.

    Returns:
        A matplotlib ``Figure``.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("pictures need matplotlib: pip install 'imbdet[plots]'") from error
    figure = Figure(figsize=(width, height), layout='constrained')
    FigureCanvasAgg(figure)
    return figure
