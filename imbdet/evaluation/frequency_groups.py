"""Old path of :mod:`imbdet.classes.frequency_groups`; it will be removed in imbdet 0.3.

A file and no line of :mod:`imbdet.moved`: importing that module later would hide the function of its name, which
``imbdet.evaluation`` exports.
"""

from imbdet.classes.frequency_groups import GROUPS, ClassFrequencies, class_frequencies, frequency_groups

__all__ = ['GROUPS', 'ClassFrequencies', 'class_frequencies', 'frequency_groups']
