"""Results of a finished training: metrics, iterations, images and times, from its logs and its last checkpoint."""

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import imbdet
from imbdet.reports.grid.grid_results import ClassAP, Training

if TYPE_CHECKING:
    from imbdet.cli.grid_jobs import Job


def read_classes(folder: Path) -> list[ClassAP]:
    """Read AP of each class in the last validation of a training; an empty list without a class table."""
    tables = sorted(folder.glob('*/class_ap_bbox.csv'))
    if not tables:
        return []
    with tables[-1].open(newline='', encoding='utf-8') as file:
        return [ClassAP(row['name'], row['frequency'], int(row['train_images']), float(row['AP']) if row['AP'] else None)
                for row in csv.DictReader(file) if row['train_images']]


def read_training(job: 'Job') -> Training:
    """Read the results of a finished training from its folder.

    Args:
        job: The training.

    Returns:
        Its results.

    Raises:
        ValueError: If the log has no iterations or no validation.
    """
    import mmdet
    import torch
    from mmengine.config import Config

    from imbdet.reports.grid.shown_boxes_hook import SHOWN_BOXES

    lines = [json.loads(line) for path in sorted(job.folder.glob('*/vis_data/scalars.json'))
             for line in path.read_text().splitlines()]
    steps = [line['time'] for line in lines if 'loss' in line]
    validations = [line for line in lines if 'loss' not in line]
    if not steps or not validations:
        raise ValueError(f'{job.folder} has no log of {"a validation" if steps else "iterations"} in */vis_data/scalars.json; '
                         "the config of a grid needs mmengine's LoggerHook, with an interval below the number of iterations, "
                         'LocalVisBackend and a validation')
    metrics = {name: value for name, value in validations[-1].items() if '/' in name}
    last = Path((job.folder / 'last_checkpoint').read_text().strip())
    checkpoint = torch.load(last, map_location='cpu', mmap=True, weights_only=True)
    iterations = checkpoint['meta']['iter']
    boxes = checkpoint.get('message_hub', {}).get('runtime_info', {}).get(SHOWN_BOXES)
    cfg = Config.fromfile(job.folder / Path(job.config).name)
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f'{torch.get_num_threads()} CPU cores'
    return Training(job.name, job.baseline, job.seed, job.config, job.fingerprint, metrics, read_classes(job.folder),
                    iterations, iterations * cfg.train_dataloader.batch_size, float(np.median(steps)), where,
                    {'imbdet': imbdet.__version__, 'torch': str(torch.__version__), 'mmdet': mmdet.__version__}, boxes)
