"""Importing this module registers imbdet's components with mmdet. ``imbdet.compat`` gives its name to mmdet's registries."""

import imbdet.calibration.logit_shift_hook
import imbdet.data.weighted_mix_dataset
import imbdet.dataset_equity.equity_hook
import imbdet.evaluation.long_tail_metric
import imbdet.evaluation.modality_metric
import imbdet.layers
import imbdet.losses
import imbdet.mipa
import imbdet.repeat_sampling.multi_source_sampler
import imbdet.repeat_sampling.sampler
import imbdet.reports.results.class_curve_hook
import imbdet.sampling_free
import imbdet.training.class_counts_hook
import imbdet.training_checks  # noqa: F401
