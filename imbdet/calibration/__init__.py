"""Calibration of a trained detector for the long tail: what is added to the logits of its classes."""

from imbdet.calibration.calibrated_checkpoint import applied_calibration, calibrate_checkpoint, undo_calibration
from imbdet.calibration.calibrated_layer import CalibratedLayer, calibrated_layers
from imbdet.calibration.calibration_settings import Calibration
from imbdet.calibration.class_statistics import ClassStatistics, dataset_statistics, read_statistics, write_statistics
from imbdet.calibration.collect_logits import collect_logits
from imbdet.calibration.fracal import fracal_shift, fracal_sigmoid, fracal_sigmoid_shift
from imbdet.calibration.fractal_dimension import fractal_dimension
from imbdet.calibration.logit_adjustment import logit_adjustment, sigmoid_logit_adjustment
from imbdet.calibration.logit_shift_hook import LogitShiftHook
from imbdet.calibration.logn import LogitStatistics, logn
from imbdet.calibration.norcal import norcal_shift

__all__ = [
    'CalibratedLayer', 'Calibration', 'ClassStatistics', 'LogitShiftHook', 'LogitStatistics', 'applied_calibration',
    'calibrate_checkpoint', 'calibrated_layers', 'collect_logits', 'dataset_statistics', 'fracal_shift', 'fracal_sigmoid',
    'fracal_sigmoid_shift', 'fractal_dimension', 'logit_adjustment', 'logn', 'norcal_shift', 'read_statistics',
    'sigmoid_logit_adjustment', 'undo_calibration', 'write_statistics'
]
