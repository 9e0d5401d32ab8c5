"""The stack that the tests run on: openmmlab's, or the onedl fork of the same import names."""

from importlib import metadata

FORKS = {'mmengine': 'onedl-mmengine', 'mmcv': 'onedl-mmcv', 'mmdet': 'onedl-mmdetection'}
ONEDL = any(distribution.metadata['Name'] == FORKS['mmcv'] for distribution in metadata.distributions())
DISTRIBUTIONS = FORKS if ONEDL else {name: name for name in FORKS}
"""Distribution of each package that is installed."""
OTHERS = {name: name for name in FORKS} if ONEDL else FORKS
"""Distribution of each package in the other stack."""
