"""Data sets in other formats than COCO's and LVIS's: YOLO and VOC folders, read as the same kind of dict."""

from imbdet.annotations.formats.read_any import data_root, read_any
from imbdet.annotations.formats.read_checked import read_checked

__all__ = ['data_root', 'read_any', 'read_checked']
