"""Fixes of the faults of annotation files."""

from imbdet.annotations.fixes.fix_content import fix_content
from imbdet.annotations.fixes.fix_log import Change, Decision
from imbdet.annotations.fixes.fix_report import FixReport
from imbdet.annotations.fixes.options import FixOptions, ImageFile

__all__ = ['Change', 'Decision', 'FixOptions', 'FixReport', 'ImageFile', 'fix_content']
