"""Tables of a split: what splits are compared by, and a row for each class."""

import numpy as np

from imbdet.reports.dataset.split_numbers import PartCounts, SplitFindings


def summarize(counts: PartCounts) -> dict[str, float]:
    """Return the numbers of a split by which splits are compared.

    Args:
        counts: Images and boxes in the parts.

    Returns:
        Number of classes missing in validation and in training, of folds the mean over them; largest and mean deviation of the
        classes' shares of images and boxes in validation from the wanted share, in [0, 1], 0 without classes.
    """
    images, boxes = (values[~np.isnan(values)] for values in counts.deviations())
    return {
        'not_in_validation': float(counts.not_in_validation.sum(axis=1).mean()),
        'not_in_training': float(counts.not_in_training.sum(axis=1).mean()),
        'largest_image_deviation': float(images.max(initial=0)),
        'mean_image_deviation': float(images.mean()) if images.size else 0.0,
        'largest_box_deviation': float(boxes.max(initial=0)),
        'mean_box_deviation': float(boxes.mean()) if boxes.size else 0.0,
    }


def summarize_random(findings: SplitFindings) -> dict[str, float]:
    """Return the means of :func:`summarize` over the random splits.

    Args:
        findings: The split.
    """
    numbers = [summarize(counts) for counts in findings.random]
    return {key: float(np.mean([number[key] for number in numbers])) for key in numbers[0]}


def class_rows(findings: SplitFindings) -> list[list[str | int | float]]:
    """Return the table of the classes, the header first, in the file's order.

    Args:
        findings: The split.

    Returns:
        Text, counts and shares in percent; NaN for shares of classes without images.
    """
    split, random = findings.split, findings.random[0]
    parts = findings.options.part_names
    header: list[str | int | float] = ['class', 'images', 'boxes', *(f'images {part}' for part in parts),
                                       *(f'boxes {part}' for part in parts)]
    shares = {f'{which}{kind} {parts[part]} %': values[row] for which, counts in (('', split), ('random: ', random))
              for kind, values in (('images', 100 * counts.image_shares), ('boxes', 100 * counts.box_shares))
              for row, part in enumerate(split.validation)}
    header += list(shares)
    rows = [header]
    for index, name in enumerate(findings.names):
        images, boxes = split.images[:, index], split.boxes[:, index]
        rows.append([name, int(images.sum()), int(boxes.sum()), *images.tolist(), *boxes.tolist(),
                     *(float(values[index]) for values in shares.values())])
    return rows
