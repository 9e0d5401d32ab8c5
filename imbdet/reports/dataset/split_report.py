"""Report on a split as an HTML page with a picture, as text, as JSON and as CSV."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from imbdet.files import atomic_write, write_csv
from imbdet.reports.dataset.split_numbers import SplitFindings
from imbdet.reports.dataset.split_picture import draw_split
from imbdet.reports.dataset.split_tables import class_rows, summarize, summarize_random
from imbdet.reports.dataset.split_text import split_lead, split_sections
from imbdet.reports.drawing.html_page import page_text, write_page


def write_split_report(folder: str | Path, findings: SplitFindings) -> str:
    """Write ``index.html``, its picture ``split.png``, ``split.json`` and ``split.csv``.

    Args:
        folder: Folder to write to.
        findings: The split.

    Returns:
        The report as text.
    """
    folder = Path(folder)
    picture = draw_split(folder / 'split.png', findings) if findings.split.images.any() else None
    page = f'Split of {findings.options.source}', split_lead(findings), split_sections(findings, picture)
    write_page(folder / 'index.html', *page)
    write_csv(folder / 'split.csv', class_rows(findings))
    with atomic_write(folder / 'split.json') as path:
        path.write_text(json.dumps(split_json(findings), indent=1, allow_nan=False) + '\n', encoding='utf-8')
    return page_text(*page)


def split_json(findings: SplitFindings) -> dict[str, Any]:
    """Convert the numbers to JSON types.

    Args:
        findings: The split.

    Returns:
        Dicts, lists, strings and numbers; None for the shares of classes without images.
    """
    options, split, random = findings.options, findings.split, findings.random[0]
    classes = [{
        'name': name, 'groups': int(findings.class_groups[index]),
        'images': split.images[:, index].tolist(), 'boxes': split.boxes[:, index].tolist(),
        'validation_image_shares': _numbers(split.image_shares[:, index]),
        'validation_box_shares': _numbers(split.box_shares[:, index]),
        'random_image_shares': _numbers(random.image_shares[:, index]),
        'random_box_shares': _numbers(random.box_shares[:, index]),
    } for index, name in enumerate(findings.names)]
    return {
        'source': str(options.source), 'seed': options.seed, 'group_by': options.group_by,
        'num_groups': len(findings.group_sizes), 'largest_group': int(findings.group_sizes.max()),
        'parts': options.part_names, 'shares': list(options.shares), 'num_images': split.num_images.tolist(),
        'split': summarize(split), 'random': summarize_random(findings), 'num_random': len(findings.random),
        'classes': classes, 'copies': [list(names) for names in findings.copies], 'warnings': list(findings.warnings),
    }


def _numbers(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
