"""imbdet: training mmdet detectors on imbalanced data. Importing it registers its components with mmdet."""

from imbdet.installation import check_installation

check_installation()

from imbdet import compat  # noqa: E402

compat.apply()

from imbdet import dataset_equity, evaluation, mipa, repeat_sampling, reports, sampling_free, training_checks  # noqa: E402

__version__ = '0.1.0'
__all__ = [
    '__version__', 'dataset_equity', 'evaluation', 'mipa', 'repeat_sampling', 'reports', 'sampling_free', 'training_checks'
]
