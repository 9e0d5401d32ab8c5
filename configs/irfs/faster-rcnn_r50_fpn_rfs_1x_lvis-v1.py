_base_ = './faster-rcnn_r50_fpn_irfs_1x_lvis-v1.py'
train_dataloader = dict(sampler=dict(method='rfs'))
