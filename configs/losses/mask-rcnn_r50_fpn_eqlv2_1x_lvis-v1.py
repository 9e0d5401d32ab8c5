_base_ = '../irfs/mask-rcnn_r50_fpn_rfs_1x_lvis-v1.py'
# The authors draw images uniformly.
train_dataloader = dict(sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True))
model = dict(roi_head=dict(bbox_head=dict(loss_cls=dict(_delete_=True, type='EqualizationLossV2'))))
