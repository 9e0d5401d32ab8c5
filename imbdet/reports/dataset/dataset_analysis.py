"""Analysis of a data set: all numbers of the imbalance report."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imbdet.annotations import AnnotationFile, Fault, load_annotations, to_arrays
from imbdet.annotations.faults import find_faults, kept_images
from imbdet.classes import GroupLimits
from imbdet.data.configured_datasets import LOCATIONS, ConfiguredDataset, configured_datasets, missing_location
from imbdet.repeat_sampling.simulated_epoch import (
    PAPER_THRESHOLDS,
    ResampledEpoch,
    ThresholdCurves,
    simulate_epoch,
    threshold_curves,
    threshold_for_target,
)
from imbdet.reports.dataset.imbalance import Imbalance, count_imbalance

if TYPE_CHECKING:
    from mmengine.config import Config

    from imbdet.sampling_free.config_prior import ConfigPriors


@dataclass(frozen=True)
class DatasetAnalysis:
    """Results of the analysis of an annotation file and, with a config, of how the config uses it.

    Attributes:
        ann_file: The annotation file.
        is_lvis: Whether its images list the classes that were checked in them, as LVIS's evaluation requires.
        imbalance: The counts.
        faults: The file's faults, fatal ones first.
        target_length: Target length of an epoch, divided by the number of images.
        epochs: An epoch by method: RFS and IRFS with the threshold for the target length, or with 1 if no threshold
            reaches it; E-IRFS, whose length never changes, with the threshold of its paper. Empty if no box can be counted.
        reached: Whether RFS and IRFS reach the target length with some threshold.
        paper_epochs: An epoch by method with the thresholds that the papers use on LVIS.
        curves: Epoch lengths and tail shares over thresholds; None if no box can be counted.
        cfg: The config; None without.
        is_trained_on: Whether the config trains on the file.
        config_note: Note on how the config uses the file; empty without a config.
        priors: Foreground priors of the config's detector; None without a config, or if they could not be measured.
    """

    ann_file: Path
    is_lvis: bool
    imbalance: Imbalance
    faults: list[Fault]
    target_length: float
    epochs: dict[str, ResampledEpoch]
    reached: dict[str, bool]
    paper_epochs: dict[str, ResampledEpoch]
    curves: ThresholdCurves | None
    cfg: 'Config | None' = None
    is_trained_on: bool = False
    config_note: str = ''
    priors: 'ConfigPriors | None' = None

    def reported_epochs(self) -> Iterator[tuple[ResampledEpoch, bool]]:
        """Yield the epochs to report, and whether each is for the target length."""
        for method, epoch in self.epochs.items():
            if method in self.reached:
                yield epoch, True
        for epoch in self.paper_epochs.values():
            yield epoch, False


def analyze_dataset(ann_file: str | Path, cfg: 'Config | None' = None, target_length: float = 1.15, rare_max: int = 10,
                    common_max: int = 100) -> DatasetAnalysis:
    """Count the imbalance of an annotation file, find its faults, and measure the foreground priors of a config.

    If the config trains on the file, its classes and its ``filter_cfg`` determine what is counted, unless they are faulty.

    Args:
        ann_file: A COCO or LVIS annotation file, with or without faults.
        cfg: An mmdet config, or None.
        target_length: Target length of an epoch, divided by the number of images; at least 1.
        rare_max: Maximum number of images of a rare class.
        common_max: Maximum number of images of a common class.

    Returns:
        The analysis.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it cannot be read at all.
        ValueError: If an argument is out of range, or the config's priors cannot be measured.
    """
    if not target_length >= 1:
        raise ValueError(f'the target length must be at least 1 (the number of images), got {target_length:g}')
    ann_file = Path(ann_file)
    content = load_annotations(ann_file)
    columns = to_arrays(content)
    uses = list(configured_datasets(cfg, 'train_dataloader')) if cfg is not None else []
    use = next((use for use in uses if os.path.realpath(use.path) == os.path.realpath(ann_file)), None)
    if use is None:
        faults = [*find_faults(content, columns),
                  *(fault for key in LOCATIONS for fault in missing_location(content, key, is_fatal=False))]
    else:
        faults = list(use.faults(content, columns))
    # Classes that do not match the file, or a filter that removes all images, are faults; they are ignored for counting.
    has_class_fault = any(fault.of == 'class' for fault in faults)
    classes = None if use is None or use.is_lvis or has_class_fault else use.classes
    filter_cfg = use.filter_cfg if use is not None and kept_images(content, columns, classes, use.filter_cfg).any() else None
    imbalance = count_imbalance(content, columns, classes, filter_cfg, GroupLimits(rare_max, common_max))
    counted = imbalance.labels, imbalance.counts, imbalance.in_tail
    thresholds = {method: threshold_for_target(*counted[:2], method, target_length) for method in ('rfs', 'irfs')}
    has_boxes = imbalance.num_boxes > 0
    used = {**{method: threshold or 1.0 for method, threshold in thresholds.items()}, 'e-irfs': PAPER_THRESHOLDS['e-irfs']}
    is_fit = use is None or not any(fault.is_fatal for fault in faults)
    return DatasetAnalysis(
        ann_file=ann_file,
        is_lvis=_is_lvis(content),
        imbalance=imbalance,
        faults=faults,
        target_length=target_length,
        epochs={method: simulate_epoch(*counted, method, threshold) for method, threshold in used.items()} if has_boxes else {},
        reached={method: threshold is not None for method, threshold in thresholds.items()},
        paper_epochs={method: simulate_epoch(*counted, method, threshold) for method, threshold in PAPER_THRESHOLDS.items()}
        if has_boxes else {},
        curves=threshold_curves(*counted) if has_boxes else None,
        cfg=cfg,
        is_trained_on=use is not None,
        config_note='' if cfg is None else _config_note(cfg, uses, use, imbalance, ann_file, has_class_fault),
        priors=_measure_priors(cfg) if cfg is not None and is_fit else None)


examine = analyze_dataset
"""The name of :func:`analyze_dataset` in imbdet 0.1."""


def _measure_priors(cfg: 'Config') -> 'ConfigPriors':
    from imbdet.sampling_free.config_prior import measure_config_priors  # builds a detector: torch and mmdet
    return measure_config_priors(cfg)


def _is_lvis(content: AnnotationFile) -> bool:
    return bool(content.images) and all(image.neg_category_ids is not None and image.not_exhaustive_category_ids is not None
                                        for image in content.images)


def _config_note(cfg: 'Config', uses: list[ConfiguredDataset], use: ConfiguredDataset | None, imbalance: Imbalance,
                 ann_file: Path, has_class_fault: bool) -> str:
    if use is None:
        others = ', '.join(other.path for other in uses) or 'no COCO or LVIS file'
        return (f'Note: {cfg.filename} trains on {others}, not on {ann_file}. The foreground prior was measured on the data of '
                'the config; all other numbers describe this file.')
    note = f'{cfg.filename} trains on this file'
    if has_class_fault:
        return note + ', but its classes do not match it (see the faults); all classes of the file are counted.'
    if imbalance.num_filtered:
        note += f'; its filter_cfg={use.filter_cfg} removes {imbalance.num_filtered:,} images, which are not counted'
    return note + (f', together with {len(uses) - 1} more' if len(uses) > 1 else '') + '.'
