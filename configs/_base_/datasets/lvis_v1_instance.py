# LVIS v1 with instance-aware repeat factor sampling in place of mmdet's ClassBalancedDataset, and AP by frequency.
_base_ = 'mmdet::_base_/datasets/lvis_v1_instance.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)

train_dataloader = dict(
    sampler=dict(_delete_=True, type='RepeatFactorSampler', method='irfs', threshold=1e-3),
    dataset=dict(
        _delete_=True,
        type='LVISV1Dataset',
        data_root='data/lvis_v1/',
        ann_file='annotations/lvis_v1_train.json',
        data_prefix=dict(img=''),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline={{_base_.train_pipeline}}))
val_evaluator = dict(
    _delete_=True,
    type='LongTailMetric',
    ann_file='data/lvis_v1/annotations/lvis_v1_val.json',
    metric=['bbox', 'segm'],
    style='lvis')
test_evaluator = val_evaluator
