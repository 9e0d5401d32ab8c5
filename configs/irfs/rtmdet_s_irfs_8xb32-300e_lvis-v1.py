_base_ = 'mmdet::rtmdet/rtmdet_s_8xb32-300e_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)

lvis = dict(type='LVISV1Dataset', data_root='data/lvis_v1/', data_prefix=dict(img=''))
model = dict(bbox_head=dict(num_classes=1203))
# CachedMosaic and CachedMixUp mix what the sampler drew, so that partner images have the factors already.
train_dataloader = dict(
    sampler=dict(_delete_=True, type='RepeatFactorSampler', method='irfs', threshold=1e-3),
    dataset=dict(ann_file='annotations/lvis_v1_train.json', **lvis))
val_dataloader = dict(dataset=dict(ann_file='annotations/lvis_v1_val.json', **lvis))
test_dataloader = val_dataloader
val_evaluator = dict(
    _delete_=True, type='LongTailMetric', ann_file='data/lvis_v1/annotations/lvis_v1_val.json', metric='bbox', style='lvis')
test_evaluator = val_evaluator
