_base_ = 'mmdet::atss/atss_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
# The authors' recipe: RFS, 24 epochs of which the first warms up, gradients clipped at 35, scores that start at 0.001. Their
# detector is like ATSS.
model = dict(
    bbox_head=dict(num_classes=1203, loss_cls=dict(_delete_=True, type='EqualizedFocalLoss', use_sigmoid=True)),
    # LVIS allows up to 300 detections an image; a higher threshold would drop most of the rare classes' ones.
    test_cfg=dict(score_thr=0.0001, max_per_img=300))
custom_hooks = [dict(type='OptimalBiasInitHook', prior=0.001)]

lvis = dict(type='LVISV1Dataset', data_root='data/lvis_v1/', data_prefix=dict(img=''))
train_dataloader = dict(
    sampler=dict(_delete_=True, type='RepeatFactorSampler', method='rfs', threshold=1e-3),
    dataset=dict(ann_file='annotations/lvis_v1_train.json', **lvis))
val_dataloader = dict(dataset=dict(ann_file='annotations/lvis_v1_val.json', **lvis))
test_dataloader = val_dataloader
val_evaluator = dict(
    _delete_=True, type='LongTailMetric', ann_file='data/lvis_v1/annotations/lvis_v1_val.json', metric='bbox', style='lvis')
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=24)
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type='MultiStepLR', begin=0, end=24, by_epoch=True, milestones=[16, 22], gamma=0.1)
]
