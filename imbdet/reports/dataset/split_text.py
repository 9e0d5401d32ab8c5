"""Text sections of the report on a split."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from imbdet.annotations.fault import first_ten
from imbdet.reports.dataset.split_numbers import SplitFindings
from imbdet.reports.dataset.split_tables import summarize, summarize_random
from imbdet.reports.drawing.html_page import Section


def split_lead(findings: SplitFindings) -> str:
    """Summarize the split in a paragraph.

    Args:
        findings: The split.
    """
    options, split, sizes = findings.options, findings.split, findings.group_sizes
    sentences = [f'{split.num_images.sum():,} images with {split.boxes.sum():,} boxes of {len(findings.names):,} classes, seed '
                 f'{findings.options.seed}.']
    if len(sizes) < sizes.sum():
        sentences.append(f'The images are in {len(sizes):,} groups that are not divided' + (
            f' (--group-by {options.group_by}).' if options.group_by else ' (exact copies).')
            + f' The largest has {sizes.max():,} images.')
    parts = [f'{number:,} ({100 * number / split.num_images.sum():.1f} %)' for number in split.num_images]
    if findings.options.is_folds:
        sentences.append(f'Images of the folds: {", ".join(parts)}. The training images of a fold are those of all others.')
    else:
        sentences.append(f'Training: {parts[0]} images. Validation: {parts[1]}; target: {100 * split.shares[1]:g} %.')
    return ' '.join(sentences)


def split_sections(findings: SplitFindings, picture: Path | None) -> list[Section]:
    """Write the sections of the report.

    Args:
        findings: The split.
        picture: The picture; None if there was nothing to draw.

    Returns:
        The sections of the page.
    """
    sections = [_comparison(findings), _shares(findings, picture), _missing(findings), _copies(findings), _warnings(findings),
                _class_table(findings)]
    return [section for section in sections if section is not None]


def _comparison(findings: SplitFindings) -> Section:
    this, random = summarize(findings.split), summarize_random(findings)
    each = ', mean over the folds' if findings.options.is_folds else ''

    def row(title: str, key: str, text: Callable[[float], str]) -> tuple[str, str, str]:
        return title, text(this[key]), text(random[key])

    rows = [('', 'this split', f'random, mean of {len(findings.random)}'),
            row(f'classes missing in validation{each}', 'not_in_validation', '{:.3g}'.format),
            row(f'classes missing in training{each}', 'not_in_training', '{:.3g}'.format)]
    for kind in ('image', 'box'):
        for which in ('largest', 'mean'):
            rows.append(row(f'{which} deviation of {"images" if kind == "image" else "boxes"}, in percentage points',
                            f'{which}_{kind}_deviation', lambda value: f'{100 * value:.2f}'))
    return Section('Compared with random splits',
                   'The deviation of a class is how far the share of its images or boxes in validation is from the wanted '
                   'share. Random splits divide the same groups.', None, rows)


def _shares(findings: SplitFindings, picture: Path | None) -> Section | None:
    if picture is None:
        return None
    return Section('Share of each class',
                   'The line is the wanted share. Classes in few images cannot be close to it: of a class in two images, '
                   'validation has 50 % or none. The classes furthest away are named.', picture)


def _missing(findings: SplitFindings) -> Section:
    split = findings.split
    missing = (split.not_in_validation | split.not_in_training).any(axis=0)
    has_groups = len(findings.group_sizes) < findings.group_sizes.sum()
    kinds = (
        (missing & findings.is_alone, 'all its images are in one group' if has_groups else 'it is in one image'),
        (missing & ~findings.is_alone & ~findings.could_be_in_all, 'it is in fewer groups than there are folds'),
        (missing & findings.could_be_in_all, 'no division was found with more classes in all parts'),
        (findings.class_groups == 0, 'it has no boxes that count'),
    )
    rows = [('class', 'images', 'missing in', 'why')]
    rows += [(findings.names[index], f'{split.images[:, index].sum():,}', _where(findings, index), why)
             for chosen, why in kinds for index in np.flatnonzero(chosen).tolist()]
    if len(rows) == 1:
        return Section('Classes that are not in all parts', 'None.')
    return Section('Classes that are not in all parts', f'{len(rows) - 1} of {len(findings.names)} classes. Collect images of '
                   'them, or do not read anything into their results.', None, rows)


def _where(findings: SplitFindings, index: int) -> str:
    split = findings.split
    if findings.class_groups[index] == 0:
        return 'all'
    if not findings.options.is_folds:
        return 'validation' if split.not_in_validation[0, index] else 'training'
    validation, training = (np.flatnonzero(mask[:, index]) for mask in (split.not_in_validation, split.not_in_training))
    found = [f'validation of {_folds(validation)}'] if len(validation) else []
    return ', '.join([*found, *([f'training of {_folds(training)}'] if len(training) else [])])


def _folds(numbers: np.ndarray) -> str:
    return f'fold{"s" if len(numbers) > 1 else ""} {first_ten(numbers.tolist())}'


def _copies(findings: SplitFindings) -> Section | None:
    if not findings.copies:
        return None
    rows: list[Sequence[str]] = [('image', 'copies')]
    rows += [(names[0], first_ten(names[1:])) for names in findings.copies]
    return Section('Exact copies', f'{sum(map(len, findings.copies)):,} images of the file are exact copies '
                   f'of {len(findings.copies):,} different ones. They are in the same part; remove them if they are not '
                   'intended.', None, rows)


def _warnings(findings: SplitFindings) -> Section | None:
    return Section('Faults of the file', '\n\n'.join(f'{text}.' for text in findings.warnings)) if findings.warnings else None


def _class_table(findings: SplitFindings) -> Section:
    split, is_folds = findings.split, findings.options.is_folds
    shares = [100 * values for counts in (split, findings.random[0]) for values in (counts.image_shares, counts.box_shares)]
    titles = [f'{which}{kind} %' for which in ('', 'random ') for kind in ('images', 'boxes')]
    counted = {'images': split.images.sum(axis=0), 'boxes': split.boxes.sum(axis=0)}
    if not is_folds:
        counted |= {'train images': split.images[0], 'val images': split.images[1], 'train boxes': split.boxes[0],
                    'val boxes': split.boxes[1]}
    rows = [['class', *counted, *titles]]
    rows += [[findings.names[index], *(f'{values[index]:,}' for values in counted.values()),
              *(_span(values[:, index]) for values in shares)]
             for index in np.argsort(counted['images'], kind='stable').tolist()]
    return Section('Each class', 'Rarest first. % is the share of its images or boxes in validation'
                   + (', from the lowest to the highest fold' if is_folds else '')
                   + '; "random" is the random split with the same seed.', None, rows)


def _span(values: np.ndarray) -> str:
    if np.isnan(values).any():
        return ''
    return f'{values[0]:.1f}' if len(values) == 1 else f'{values.min():.1f} to {values.max():.1f}'
