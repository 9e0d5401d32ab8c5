"""imbdet: training mmdet detectors on imbalanced data. Importing it registers its components with mmdet.

It imports neither torch nor mmdet: what is registered, and every check and repair, waits until they are imported.
"""

import lazy_loader
import wrapt

from imbdet import compat, installation, mmcv_ops, moved

__version__ = '0.1.0'

wrapt.register_post_import_hook(lambda _: installation.check_installation(), 'mmengine')
mmcv_ops.install()
compat.apply()
moved.install()

__getattr__, _, _ = lazy_loader.attach(__name__, [
    'dataset_equity', 'evaluation', 'layers', 'losses', 'mipa', 'repeat_sampling', 'reports', 'sampling_free',
    'training_checks'])
__all__ = [
    '__version__', 'dataset_equity', 'evaluation', 'layers', 'losses', 'mipa', 'repeat_sampling', 'reports', 'sampling_free',
    'training_checks'
]
