_base_ = ['mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py', '../_base_/datasets/llvip_pairs.py']
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
        out_indices=(1, 2, 3),
        convert_weights=True,
        init_cfg=dict(type='Pretrained', checkpoint=pretrained)),
    neck=dict(in_channels=[192, 384, 768]),
    bbox_head=dict(num_classes=1))
train_dataloader = dict(_delete_=True, **_base_.llvip_train_dataloader)
val_dataloader = dict(_delete_=True, **_base_.llvip_val_dataloader)
test_dataloader = dict(_delete_=True, **_base_.llvip_test_dataloader)
val_evaluator = dict(_delete_=True, **_base_.llvip_val_evaluator)
test_evaluator = dict(_delete_=True, **_base_.llvip_test_evaluator)
default_hooks = dict(checkpoint=dict(save_best='mean/bbox_mAP'))
# The authors' batch on LLVIP, at DINO's own learning rates.
auto_scale_lr = dict(base_batch_size=8)
