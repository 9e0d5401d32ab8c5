_base_ = ['mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', '../_base_/datasets/llvip_pairs.py']
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
pretrained = 'https://github.com/SwinTransformer/storage/releases/download/v1.0.0/swin_tiny_patch4_window7_224.pth'
model = dict(
    data_preprocessor=dict(type='MiPaDataPreprocessor', patch_size=4, ir_ratio='uniform'),
    backbone=dict(
        _delete_=True,
        type='SwinTransformer',
        embed_dims=96,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        window_size=7,
        drop_path_rate=0.2,
        out_indices=(0, 1, 2, 3),
        convert_weights=True,
        init_cfg=dict(type='Pretrained', checkpoint=pretrained)),
    neck=dict(in_channels=[96, 192, 384, 768]),
    roi_head=dict(bbox_head=dict(num_classes=1)))
train_dataloader = dict(_delete_=True, **_base_.llvip_train_dataloader)
val_dataloader = dict(_delete_=True, **_base_.llvip_val_dataloader)
test_dataloader = dict(_delete_=True, **_base_.llvip_test_dataloader)
val_evaluator = dict(_delete_=True, **_base_.llvip_val_evaluator)
test_evaluator = dict(_delete_=True, **_base_.llvip_test_evaluator)
default_hooks = dict(checkpoint=dict(save_best='mean/bbox_mAP'))
# As in mmdet's swin configs: no decay on norms and position tables.
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=0.0001, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(
        custom_keys={
            'absolute_pos_embed': dict(decay_mult=0.),
            'relative_position_bias_table': dict(decay_mult=0.),
            'norm': dict(decay_mult=0.)
        }))
