"""Sampling-Free on the digits, but the RoI head's regression divided by all regions, as mmdet does."""

_base_ = '../../configs/quickstart/faster-rcnn_r18_plain-ce_400i_digits.py'
custom_hooks = [dict(type='OptimalBiasInitHook', prior='measure'), dict(type='GuidedLossHook')]
