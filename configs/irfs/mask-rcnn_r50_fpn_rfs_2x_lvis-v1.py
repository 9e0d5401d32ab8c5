_base_ = './mask-rcnn_r50_fpn_irfs_2x_lvis-v1.py'
train_dataloader = dict(sampler=dict(method='rfs'))
