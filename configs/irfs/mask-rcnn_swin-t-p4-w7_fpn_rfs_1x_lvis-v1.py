_base_ = './mask-rcnn_swin-t-p4-w7_fpn_irfs_1x_lvis-v1.py'
train_dataloader = dict(sampler=dict(method='rfs'))
