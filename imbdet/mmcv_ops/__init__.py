"""mmcv's compiled operations by torchvision and torch, for an mmcv that has none, such as mmcv-lite.

mmcv publishes no wheels for current torch releases, and compiling it takes minutes on a CPU and an hour for a GPU. Its Python
code, which mmcv-lite has whole, calls the operations by a binary module ``mmcv._ext``. Where that file is missing, the module
made here is imported in its place: torchvision's kernels where they exist, torch elsewhere. A compiled mmcv is left alone.
"""

from imbdet.mmcv_ops.finder import install, is_compiled, ops_in_use

__all__ = ['install', 'is_compiled', 'ops_in_use']
