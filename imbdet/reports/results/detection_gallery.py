"""Gallery of images with ground truth and detections."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from imbdet.annotations import AnnotationFile, load_annotations
from imbdet.data.image_reader import ImageReader
from imbdet.reports.drawing.figures import GROUP_COLORS, GROUP_NAMES, new_figure, save_figure

COLUMNS = 4


def choose_images(content: AnnotationFile, number: int) -> list[int | str]:
    """Choose images that show many classes: one image per class, the class with the fewest boxes first.

    Args:
        content: The annotations of the images.
        number: Number of images to choose.

    Returns:
        At most ``number`` unique image ids.
    """
    held: dict[int, list[int | str]] = defaultdict(list)
    for box in content.annotations:
        held[box.category_id].append(box.image_id)
    chosen: list[int | str] = []
    for category_id in sorted(held, key=lambda key: len(held[key])):
        chosen += [image for image in held[category_id] if image not in chosen][:1]
    return chosen[:number]


def draw_detections(ann_file: str | Path,
                    detections: str | Path,
                    image_folder: str | Path,
                    out: str | Path,
                    score_threshold: float = 0.3,
                    number: int = 12) -> Path:
    """Draw ground truth (dashed, white) and detections, colored by the frequency group of their class.

    Args:
        ann_file: COCO or LVIS annotations of the images.
        detections: COCO results with boxes, as LongTailMetric writes them with ``outfile_prefix``.
        image_folder: Folder to which ``file_name`` of the annotations is relative.
        out: PNG to write.
        score_threshold: Lowest score in [0, 1] to draw.
        number: Number of images to draw, chosen by :func:`choose_images`.

    Returns:
        ``out``.

    Raises:
        FileNotFoundError: If an image does not exist.
        ValueError: If one cannot be decoded.
    """
    content = load_annotations(ann_file)
    images = {image.id: image for image in content.images}
    categories = {category.id: category for category in content.categories}
    found = defaultdict(list)
    for detection in json.loads(Path(detections).read_bytes()):
        if detection['score'] >= score_threshold:
            found[detection['image_id']].append(detection)
    chosen = choose_images(content, number)
    rows = -(-len(chosen) // COLUMNS)
    figure = new_figure(3 * COLUMNS, 3 * rows + 0.6)
    for position, image_id in enumerate(chosen):
        path = Path(image_folder) / str(images[image_id].file_name)
        pixels = ImageReader().read_rgb(path)
        axes = figure.add_subplot(rows, COLUMNS, position + 1)
        axes.imshow(pixels)
        axes.set_axis_off()
        for box in content.annotations:
            if box.image_id == image_id:
                _draw_box(axes, box.bbox, 'white', linestyle='--', linewidth=0.8)
        for detection in found[image_id]:
            category = categories[detection['category_id']]
            color = GROUP_COLORS.get(category.frequency or '', '#27ae60')
            x, y, _, _ = detection['bbox']
            _draw_box(axes, detection['bbox'], color, linewidth=1.6)
            # A label is above its box, or, at the upper edge, below the edge.
            above = y > 0.06 * pixels.shape[0]
            axes.text(max(x, 0), y - 1 if above else max(y, 0) + 1, f'{category.name} {detection["score"]:.2f}',
                      fontsize=6, color='white', verticalalignment='bottom' if above else 'top', clip_on=True,
                      bbox=dict(facecolor=color, edgecolor='none', pad=0.6))
    groups = ', '.join(f'{GROUP_NAMES[group]} {name}' for group, name in
                       (('r', 'red'), ('c', 'orange'), ('f', 'blue')))
    figure.suptitle(f'Detections with a score of at least {score_threshold:g} ({groups}); ground truth dashed', fontsize=10)
    return save_figure(figure, out)


def _draw_box(axes: Any, box: Any, color: str, **style: Any) -> None:
    from matplotlib.patches import Rectangle
    x, y, width, height = box
    axes.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=color, **style))
