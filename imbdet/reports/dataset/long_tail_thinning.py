"""Report on a set that was thinned to a long tail: text, picture and CSV."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imbdet.files import write_csv
from imbdet.reports.drawing.figures import new_figure, save_figure
from imbdet.reports.drawing.html_page import Section, page_text

MOST_NAMES = 40
"""Up to this many classes, each has its name below the picture."""
MOST_ROWS = 60
"""Maximum number of classes in the table on the terminal; the CSV has all."""
MOST_LISTED = 5
"""Maximum number of classes that a sentence lists."""
BEFORE_COLOR, TARGET_COLOR, REACHED_COLOR = '#aab7b8', '#d68910', '#1f618d'


class Counts(NamedTuple):
    """What is in a set.

    Attributes:
        num_images: Images, those without boxes too.
        images: Images of each class, shape (C,), int64.
        boxes: Boxes of each class, shape (C,), int64.
    """

    num_images: int
    images: np.ndarray
    boxes: np.ndarray


class ThinnedSet(NamedTuple):
    """A set before and after it was thinned.

    Attributes:
        source: The set.
        names: Names of the C classes.
        ratio: The wanted ratio.
        curve: ``'exponential'`` or ``'pareto'``.
        counted: What the targets count, ``'images'`` or ``'boxes'``.
        seed: The seed.
        targets: Targets of the classes, shape (C,), int64.
        before: Counts of the whole set.
        after: Counts of the images that are kept.
        num_empty: Images without objects, which are all kept.
    """

    source: Path
    names: list[str]
    ratio: float
    curve: str
    counted: str
    seed: int
    targets: np.ndarray
    before: Counts
    after: Counts
    num_empty: int

    @property
    def counts_before(self) -> np.ndarray:
        """What the targets count, before, shape (C,), int64."""
        return getattr(self.before, self.counted)

    @property
    def counts_after(self) -> np.ndarray:
        """What the targets count, after, shape (C,), int64."""
        return getattr(self.after, self.counted)

    @property
    def ranked(self) -> np.ndarray:
        """The classes in the order of their counts before, the most frequent first, shape (C,), int64."""
        return np.argsort(-self.counts_before, kind='stable')


def write_thinning_report(out: Path, thinned: ThinnedSet) -> str:
    """Write the picture and the CSV next to the annotation file, as ``<stem>.longtail.png`` and ``<stem>.longtail.csv``.

    Args:
        out: The annotation file.
        thinned: The set.

    Returns:
        The report as text.
    """
    draw_thinning(out.with_suffix('.longtail.png'), thinned)
    columns = (thinned.before.images, thinned.before.boxes, thinned.targets, thinned.after.images, thinned.after.boxes)
    write_csv(out.with_suffix('.longtail.csv'), [
        ('class', 'images_before', 'boxes_before', f'target_{thinned.counted}', 'images', 'boxes'),
        *((thinned.names[index], *(column[index] for column in columns)) for index in thinned.ranked.tolist())])
    return thinning_text(thinned)


def thinning_text(thinned: ThinnedSet) -> str:
    """Describe what was reached, for a terminal.

    Args:
        thinned: The set.

    Returns:
        Lines of text.
    """
    before, after = thinned.before, thinned.after
    kept = (f'{after.num_images:,} of {before.num_images:,} images and {after.boxes.sum():,} of {before.boxes.sum():,} boxes '
            f'are kept. {_reached(thinned)}')
    title = f'Long tail of {thinned.source}'
    curve = {'exponential': 'exponential', 'pareto': 'Pareto'}[thinned.curve]
    heading = f'{thinned.counted.capitalize()} of each class, {curve} curve, seed {thinned.seed}'
    return page_text(title, kept, [Section(heading, '\n\n'.join(_notes(thinned)), None, _table(thinned))], MOST_ROWS)


def draw_thinning(out: Path, thinned: ThinnedSet) -> Path:
    """Draw the counts of the classes before and after, and the targets, on a log axis, the most frequent class first.

    Args:
        out: PNG to write.
        thinned: The set.

    Returns:
        ``out``.
    """
    occurring = [index for index in thinned.ranked.tolist() if thinned.counts_before[index]]
    places = np.arange(len(occurring))
    named = len(occurring) <= MOST_NAMES
    figure = new_figure(max(6, 2 + 0.25 * len(occurring)) if named else 9, 4.6)
    axes = figure.add_subplot()
    size = 5 if named else 2.5
    before, targets, after = (counts[occurring] for counts in (thinned.counts_before, thinned.targets, thinned.counts_after))
    axes.plot(places, before, 'o-', color=BEFORE_COLOR, markersize=size, linewidth=1.2, label=f'before: {_ratio(before):.4g}:1')
    axes.plot(places, targets, '-', color=TARGET_COLOR, linewidth=1.8, label=f'target: {thinned.ratio:g}:1')
    axes.plot(places, after, 'o', color=REACHED_COLOR, markersize=size, label=f'reached: {_ratio(after):.4g}:1')
    axes.set_yscale('log')
    axes.yaxis.set_major_formatter('{x:g}')
    axes.set_ylabel(f'{thinned.counted} of the class, log axis')
    if named:
        axes.set_xticks(places, [thinned.names[index] for index in occurring], rotation=60, ha='right', fontsize=8,
                        rotation_mode='anchor', parse_math=False)
    else:
        axes.set_xlabel(f'classes, those with the most {thinned.counted} first')
    axes.set_title(f'{thinned.after.num_images:,} of {thinned.before.num_images:,} images are kept', fontsize=11)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return save_figure(figure, out)


def _reached(thinned: ThinnedSet) -> str:
    """Return a sentence on the ratio that was reached."""
    counts = thinned.counts_after
    first, last = (min(np.flatnonzero(counts == value)) for value in (counts.max(), counts[counts > 0].min()))
    return (f'The most frequent class, {thinned.names[first]}, has {counts[first]:,} {thinned.counted} and the rarest, '
            f'{thinned.names[last]}, {counts[last]:,}: a ratio of {_ratio(counts):.4g}. Asked for: {thinned.ratio:g}; before: '
            f'{_ratio(thinned.counts_before):.4g}.')


def _notes(thinned: ThinnedSet) -> Iterator[str]:
    """Yield what a reader should know of the result."""
    before, targets, counted = thinned.counts_before, thinned.targets, thinned.counted
    occurs = before > 0
    reachable = np.minimum(before, targets)[occurs]
    deviations = np.abs(thinned.counts_after[occurs] - reachable) / reachable
    farthest = np.array(thinned.names, dtype=object)[occurs][deviations.argmax()]
    if deviations.any():
        yield (f'Whole images are kept or removed, so targets are approximate. The classes are {deviations.mean():.1%} from '
               f'their target on average and {deviations.max():.1%} at most ({farthest}), or from what they had if that was '
               'less.')
    if thinned.ratio <= _ratio(before) and thinned.ratio > 1:
        yield (f'The set is already as steep as asked for or steeper: {_ratio(before):.4g} before. Only classes above their '
               'target were thinned.')
    if before.max() < thinned.ratio:
        yield (f'The ratio cannot be reached: it is more than the {before.max()} {counted} of the most frequent class, and '
               'every class that occurs keeps one.')
    for is_so, text in ((occurs & (before < targets), f'have fewer {counted} than their target'), (~occurs, 'do not occur')):
        if is_so.any():
            listed = [thinned.names[index] for index in thinned.ranked.tolist() if is_so[index]]
            more = len(listed) - MOST_LISTED
            yield (f'{len(listed)} of {len(before)} classes {text}: {", ".join(listed[:MOST_LISTED])}'
                   + (f' and {more} more.' if more > 0 else '.'))
    if thinned.num_empty:
        yield f'{thinned.num_empty} images without objects are all kept.'


def _table(thinned: ThinnedSet) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [('class', 'before', 'target', 'reached')]
    return rows + [(thinned.names[index], *(f'{column[index]:,}' for column in (
        thinned.counts_before, thinned.targets, thinned.counts_after))) for index in thinned.ranked.tolist()]


def _ratio(counts: np.ndarray) -> float:
    """Return the largest count divided by the smallest of classes that occur."""
    return float(counts.max() / counts[counts > 0].min())
