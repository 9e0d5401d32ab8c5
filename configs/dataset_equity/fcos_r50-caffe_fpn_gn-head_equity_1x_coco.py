_base_ = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
# Made by tools/equity/build_likelihoods.py of this config: see README.md.
custom_hooks = [dict(type='DatasetEquityHook', likelihoods='data/coco/equity_train2017.npz')]
