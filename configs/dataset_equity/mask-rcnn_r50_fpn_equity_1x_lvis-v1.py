# LVIS is trained with repeat factor sampling; the hook weights appearances on top of it.
_base_ = '../irfs/mask-rcnn_r50_fpn_rfs_1x_lvis-v1.py'
custom_hooks = [dict(type='DatasetEquityHook', likelihoods='data/lvis_v1/equity_train.npz')]
