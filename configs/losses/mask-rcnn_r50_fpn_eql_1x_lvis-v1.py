_base_ = '../irfs/mask-rcnn_r50_fpn_rfs_1x_lvis-v1.py'
# The authors draw images uniformly; their tail, classes in less than 1.1e-3 of the images, is the default. Scores start at 0.001.
train_dataloader = dict(sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True))
model = dict(roi_head=dict(bbox_head=dict(loss_cls=dict(_delete_=True, type='EqualizationLoss'))))
custom_hooks = [dict(type='OptimalBiasInitHook', prior={'roi_head.bbox_head': 0.001})]
