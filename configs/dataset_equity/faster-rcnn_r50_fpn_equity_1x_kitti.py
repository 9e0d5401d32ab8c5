_base_ = './faster-rcnn_r50_fpn_baseline_1x_kitti.py'
custom_hooks = [dict(type='DatasetEquityHook', likelihoods='data/kitti/equity_train.npz')]
