"""The same with losses weighted by appearance; benchmarks/README.md has the command that makes equity.npz."""

_base_ = 'faster-rcnn_mobilenetv2_900i_voc07-longtail.py'
custom_hooks = [dict(type='DatasetEquityHook', likelihoods='data/voc07_longtail_equity.npz')]
