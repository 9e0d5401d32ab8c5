_base_ = './mask-rcnn_r50_fpn_cosine_2x_lvis-v1.py'
model = dict(roi_head=dict(bbox_head=dict(loss_cls=dict(_delete_=True, type='EffectiveClassMarginLoss'))))
# The authors clip gradients, warm up for 10,000 iterations and lower the learning rate late.
optim_wrapper = dict(clip_grad=dict(max_norm=5, norm_type=2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.0001, by_epoch=False, begin=0, end=10000),
    dict(type='MultiStepLR', begin=0, end=24, by_epoch=True, milestones=[20, 22], gamma=0.1)
]
