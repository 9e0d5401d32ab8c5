"""MiPa: training on mixed patches of visible and infrared images, for a detector that works with either camera."""

from imbdet.mipa.data_preprocessor import MiPaDataPreprocessor
from imbdet.mipa.ir_ratio import curriculum_ratio
from imbdet.mipa.modality_agnostic_detector import ModalityAgnosticDetector
from imbdet.mipa.modality_head import PatchModalityHead, reversal_strength, reverse_gradient
from imbdet.mipa.modality_regularizer import ModalityRegularizer
from imbdet.mipa.paired_dataset import PairedCocoDataset
from imbdet.mipa.paired_transforms import LoadImagePair, OnModality
from imbdet.mipa.patch_mixing import mix_patches

__all__ = [
    'LoadImagePair', 'MiPaDataPreprocessor', 'ModalityAgnosticDetector', 'ModalityRegularizer', 'OnModality',
    'PairedCocoDataset', 'PatchModalityHead', 'curriculum_ratio', 'mix_patches', 'reversal_strength', 'reverse_gradient'
]
