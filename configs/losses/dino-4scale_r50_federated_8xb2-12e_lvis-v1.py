_base_ = 'mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
# The focal loss of DINO, of which 50 classes count in a step, the same ones on all decoder layers.
model = dict(
    bbox_head=dict(
        num_classes=1203,
        loss_cls=dict(
            _delete_=True,
            type='FederatedLoss',
            use_sigmoid=True,
            loss=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0),
            num_kept=50)))

lvis = dict(type='LVISV1Dataset', data_root='data/lvis_v1/', data_prefix=dict(img=''))
train_dataloader = dict(
    sampler=dict(_delete_=True, type='RepeatFactorSampler', method='rfs', threshold=1e-3),
    dataset=dict(ann_file='annotations/lvis_v1_train.json', **lvis))
val_dataloader = dict(dataset=dict(ann_file='annotations/lvis_v1_val.json', **lvis))
test_dataloader = val_dataloader
val_evaluator = dict(
    _delete_=True, type='LongTailMetric', ann_file='data/lvis_v1/annotations/lvis_v1_val.json', metric='bbox', style='lvis')
test_evaluator = val_evaluator
