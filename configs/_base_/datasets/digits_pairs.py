# The embedded sample data set as pairs of a visible and an infrared image. Validation sees every image twice, once by each
# camera, and averages the two.
_base_ = './digits_longtail.py'
dataset_type = 'PairedCocoDataset'
data_prefix = dict(img='visible/', ir='infrared/')

train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomResize', scale=(160, 160), ratio_range=(0.8, 1.2), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(160, 160)),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'modality'))
]
test_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='Resize', scale=(160, 160), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'modality'))
]
train_dataloader = dict(
    dataset=dict(type=dataset_type, modality='pair', data_prefix=data_prefix, pipeline=train_pipeline))

val_dataset = dict(
    type=dataset_type,
    data_root={{_base_.data_root}},
    metainfo={{_base_.metainfo}},
    ann_file='annotations/digits_longtail_val.json',
    data_prefix=data_prefix,
    test_mode=True,
    pipeline=test_pipeline)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[dict(modality='rgb', **val_dataset), dict(modality='ir', **val_dataset)]))
test_dataloader = val_dataloader

val_evaluator = dict(_delete_=True, type='ModalityMetric', metric={{_base_.val_evaluator}})
test_evaluator = val_evaluator
