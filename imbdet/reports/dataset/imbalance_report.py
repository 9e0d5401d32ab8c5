"""Imbalance report as an HTML page with pictures, as text and as JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from imbdet.classes.frequency_groups import GROUPS
from imbdet.files import atomic_write
from imbdet.repeat_sampling.simulated_epoch import ResampledEpoch
from imbdet.reports.dataset import epoch_figures, imbalance_pictures
from imbdet.reports.dataset.dataset_analysis import DatasetAnalysis
from imbdet.reports.dataset.imbalance import SIZES
from imbdet.reports.dataset.report_text import lead, report_sections
from imbdet.reports.dataset.suggestion import Suggestion, suggest
from imbdet.reports.drawing.html_page import page_text, write_page

PICTURES = ('class_counts', 'boxes_per_image', 'class_factors', 'thresholds', 'image_factors', 'box_sizes')


def write_imbalance_report(folder: str | Path, findings: DatasetAnalysis) -> str:
    """Write ``index.html``, its pictures, ``report.json`` and the suggested config, ``suggestion.py``.

    Args:
        folder: Folder to write to.
        findings: Analysis from :func:`~imbdet.reports.analyze_dataset`.

    Returns:
        The report as text.
    """
    folder = Path(folder)
    suggestion = suggest(findings, folder)
    pictures = _draw(folder, findings)
    page = (f'Imbalance of {findings.ann_file}', lead(findings), report_sections(findings, pictures, suggestion))
    write_page(folder / 'index.html', *page)
    for name, text in (('report.json', json.dumps(as_json(findings, suggestion), indent=1, allow_nan=False) + '\n'),
                       ('suggestion.py', suggestion.config)):
        with atomic_write(folder / name) as path:
            path.write_text(text, encoding='utf-8')
    return page_text(*page)


def as_json(findings: DatasetAnalysis, suggestion: Suggestion) -> dict[str, Any]:
    """Convert the numbers to JSON types.

    Args:
        findings: Analysis from :func:`~imbdet.reports.analyze_dataset`.
        suggestion: The suggested config and the reasons for it.

    Returns:
        Dicts, lists, strings and numbers; None for undefined values, such as the boxes per image of a class without
        images.
    """
    imbalance, curves = findings.imbalance, findings.curves
    factors = {f'{method}_factor': epoch.category_factors.tolist() for method, epoch in findings.epochs.items()}
    classes = [{'name': name, 'group': str(imbalance.groups[index]), 'images': int(imbalance.image_counts[index]),
                'boxes': int(imbalance.instance_counts[index]), 'bursty': bool(imbalance.is_bursty[index]),
                **{key: values[index] for key, values in factors.items()}} for index, name in enumerate(imbalance.names)]
    for row in classes:
        row['boxes_per_image'] = row['boxes'] / row['images'] if row['images'] else None
    return {
        'ann_file': str(findings.ann_file),
        'num_images': imbalance.num_images,
        'num_boxes': imbalance.num_boxes,
        'num_images_without_boxes': imbalance.num_empty,
        'num_images_filtered': imbalance.num_filtered,
        'num_crowd_or_ignored_boxes': imbalance.num_ignored,
        'num_faulty_boxes': imbalance.num_faulty,
        'imbalance_ratio': imbalance.imbalance_ratio if imbalance.num_boxes else None,
        'usual_boxes_per_image': imbalance.median_boxes_per_image if imbalance.num_boxes else None,
        'rare_max': imbalance.limits.rare_max,
        'common_max': imbalance.limits.common_max,
        'classes': classes,
        'box_sizes': {group: dict(zip(SIZES, counts, strict=True))
                      for group, counts in zip(GROUPS, imbalance.size_counts.tolist(), strict=True)},
        'target_length': findings.target_length,
        'tail_group': imbalance.rarest_group,
        'epochs': [_epoch_json(epoch, findings, for_target) for epoch, for_target in findings.reported_epochs()],
        'curves': None if curves is None else {
            'thresholds': curves.thresholds.tolist(),
            'lengths': {method: values.tolist() for method, values in curves.lengths.items()},
            'tail_shares': {method: values.tolist() for method, values in curves.tail_shares.items()}},
        'faults': [fault._asdict() for fault in findings.faults],
        'config': None if findings.cfg is None else str(findings.cfg.filename),
        'config_note': findings.config_note,
        'foreground_priors': {} if findings.priors is None else findings.priors.records,
        'suggestion': suggestion._asdict(),
    }


def _epoch_json(epoch: ResampledEpoch, findings: DatasetAnalysis, for_target: bool) -> dict[str, Any]:
    draws, counts = np.unique(epoch.expected_draws.round(6), return_counts=True)
    return {
        'method': epoch.method, 'threshold': epoch.threshold, 'for_target_length': for_target,
        'reaches_target_length': findings.reached[epoch.method] if for_target else None,
        'length': epoch.length, 'relative_length': epoch.length / findings.imbalance.num_images,
        'num_classes_repeated': int((epoch.category_factors > 1).sum()),
        'num_images_repeated': int((epoch.image_factors > 1).sum()),
        'largest_factor': float(epoch.category_factors.max()),
        'tail_share': epoch.tail_share, 'seen_share': epoch.seen_share,
        'expected_draws': {'draws': draws.tolist(), 'images': counts.tolist()},
    }


def _draw(folder: Path, findings: DatasetAnalysis) -> dict[str, Path | None]:
    """Draw all pictures; without a counted box there are none."""
    if findings.curves is None:
        return dict.fromkeys(PICTURES)
    imbalance, epochs = findings.imbalance, findings.epochs
    files = {name: folder / f'{name}.png' for name in PICTURES}
    return {
        'class_counts': imbalance_pictures.draw_class_counts(files['class_counts'], imbalance),
        'boxes_per_image': imbalance_pictures.draw_boxes_per_image(files['boxes_per_image'], imbalance),
        'class_factors': epoch_figures.draw_class_factors(files['class_factors'], imbalance, epochs),
        'thresholds': epoch_figures.draw_thresholds(files['thresholds'], imbalance, findings.curves, epochs,
                                                    findings.target_length),
        'image_factors': epoch_figures.draw_image_factors(files['image_factors'], epochs),
        'box_sizes': imbalance_pictures.draw_box_sizes(files['box_sizes'], imbalance),
    }
