_base_ = 'mmdet::yolox/yolox_s_8xb8-300e_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)

lvis = dict(type='LVISV1Dataset', data_root='data/lvis_v1/', data_prefix=dict(img=''))
# mmdet's 0.01 hides rare classes, whose scores stay low.
model = dict(bbox_head=dict(num_classes=1203), test_cfg=dict(score_thr=0.001))
train_dataloader = dict(
    sampler=dict(_delete_=True, type='RepeatFactorSampler', method='irfs', threshold=1e-3),
    # Draws the partner images of Mosaic and MixUp by the factors, too.
    dataset=dict(type='WeightedMultiImageMixDataset', dataset=dict(ann_file='annotations/lvis_v1_train.json', **lvis)))
val_dataloader = dict(dataset=dict(ann_file='annotations/lvis_v1_val.json', **lvis))
test_dataloader = val_dataloader
val_evaluator = dict(
    _delete_=True, type='LongTailMetric', ann_file='data/lvis_v1/annotations/lvis_v1_val.json', metric='bbox', style='lvis')
test_evaluator = val_evaluator
