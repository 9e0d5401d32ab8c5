"""Picture of a mixed batch of MiPa: each pair next to its mixed image."""

from pathlib import Path
from typing import Any

import numpy as np
from mmdet.registry import MODELS
from mmengine.config import ConfigDict

from imbdet.mipa.patch_mixing import patch_grid
from imbdet.reports.drawing.figures import new_figure, save_figure


def draw_mixed_batch(batch: dict, data_preprocessor: dict, out: str | Path) -> Path:
    """Draw each pair of a training batch: visible, infrared, and mixed as the detector sees it, with its boxes.

    Args:
        batch: A batch of the training dataloader, ``inputs`` of shape (6, H, W), uint8, in BGR, and ``data_samples``.
        data_preprocessor: Config of the MiPaDataPreprocessor that mixes it.
        out: PNG to write.

    Returns:
        ``out``.

    Raises:
        ValueError: If an image is not a pair.
    """
    for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True):
        if len(image) != 6:
            raise ValueError(f"{sample.img_path} has {len(image)} channels and is not a pair; set modality='pair' in the "
                             'training data set')
    plain = {key: value for key, value in data_preprocessor.items() if key.split('_')[-1] not in ('mean', 'std')}
    preprocessor = MODELS.build(ConfigDict(plain, bgr_to_rgb=True, rgb_to_bgr=False))
    mixed = preprocessor(batch, training=True)
    figure = new_figure(7.5, 2.6 * len(batch['inputs']) + 0.3)
    for row, (pair, image, sample) in enumerate(zip(batch['inputs'], mixed['inputs'], mixed['data_samples'], strict=True)):
        height, width = sample.img_shape
        visible, infrared = (pair.numpy()[half][::-1] for half in (slice(0, 3), slice(3, 6)))
        rows, columns = patch_grid(sample.img_shape, preprocessor.patch_size)
        share = sample.modality_map[0, :rows, :columns].float().mean()
        for column, (name, pixels) in enumerate((('visible', visible), ('infrared', infrared),
                                                 (f'mixed, {100 * share:.0f} % infrared', image.numpy()))):
            axes = figure.add_subplot(len(batch['inputs']), 3, 3 * row + column + 1)
            axes.imshow(np.rint(pixels[:, :height, :width]).astype(np.uint8).transpose(1, 2, 0))
            axes.set_title(name, fontsize=9)
            axes.set_axis_off()
        _draw_boxes(axes, sample.gt_instances.bboxes.tolist())
    return save_figure(figure, out)


def _draw_boxes(axes: Any, boxes: list[list[float]]) -> None:
    from matplotlib.patches import Rectangle
    for x1, y1, x2, y2 in boxes:
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor='#27ae60', linewidth=1.2))
