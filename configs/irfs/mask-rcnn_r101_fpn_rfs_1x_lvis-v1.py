_base_ = './mask-rcnn_r101_fpn_irfs_1x_lvis-v1.py'
train_dataloader = dict(sampler=dict(method='rfs'))
