"""AP of each class against its number of training images."""

import csv
from pathlib import Path

from imbdet.evaluation.frequency_groups import GROUPS
from imbdet.files import whole_file
from imbdet.reports.figures import GROUP_COLOURS, GROUP_NAMES, new_figure


def draw_class_curve(class_ap_csv: str | Path, out: str | Path, title: str = 'AP of each class') -> Path:
    """Draw AP against training images, a point for each class, with the mean of each frequency group.

    Args:
        class_ap_csv: ``class_ap_bbox.csv`` or ``class_ap_segm.csv``, as LongTailMetric writes them.
        out: PNG to write.
        title: Stands above the picture.

    Returns:
        ``out``.

    Raises:
        ValueError: If the file tells the training images of no class.
    """
    with open(class_ap_csv, newline='') as file:
        rows = [row for row in csv.DictReader(file) if row['train_images'] and row['AP']]
    if not rows:
        raise ValueError(f'{class_ap_csv} tells the training images of no class that has ground truth; give '
                         'LongTailMetric train_ann_file=')
    figure = new_figure(8, 4.5)
    axes = figure.add_subplot()
    for group in GROUPS:
        members = [row for row in rows if row['frequency'] == group]
        if not members:
            continue
        # A class without training images has no place on a log axis; it stands at one half.
        counts = [max(float(row['train_images']), 0.5) for row in members]
        precisions = [float(row['AP']) for row in members]
        mean = sum(precisions) / len(precisions)
        colour = GROUP_COLOURS[group]
        axes.scatter(counts, precisions, color=colour, s=28, label=f'{GROUP_NAMES[group]}: AP{group} {mean:.3f}')
        axes.hlines(mean, min(counts) / 1.08, max(counts) * 1.08, color=colour, linewidth=1.5, alpha=0.6)
        if len(rows) <= 40:
            for row, count, precision in zip(members, counts, precisions, strict=True):
                axes.annotate(row['name'], (count, precision), xytext=(4, 4), textcoords='offset points', fontsize=7)
    axes.set_xscale('log')
    axes.set_ylim(bottom=0)
    axes.set_xlabel('training images of the class')
    axes.set_ylabel('AP')
    axes.set_title(title)
    axes.grid(alpha=0.25)
    axes.legend(title='mean of the group')
    with whole_file(out) as path:
        figure.savefig(path, dpi=120)
    return Path(out)
