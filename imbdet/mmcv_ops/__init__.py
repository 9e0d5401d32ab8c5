"""Replacement of mmcv's compiled operations with torchvision and torch, for an mmcv without them, such as mmcv-lite.

mmcv publishes no wheels for current torch releases, and compiling it takes minutes on a CPU and an hour for a GPU. Its Python
code, which is complete in mmcv-lite, calls the operations in a binary module ``mmcv._ext``. If that file is missing, the
module of this package is imported instead: torchvision's kernels if they exist, otherwise torch. A compiled mmcv is used as it
is.
"""

from imbdet.mmcv_ops.finder import install, is_compiled, ops_in_use

__all__ = ['install', 'is_compiled', 'ops_in_use']
