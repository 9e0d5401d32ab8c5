_base_ = [
    'mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py', '../_base_/datasets/llvip_pairs.py',
    '../_base_/models/mipa_backbones.py'
]
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
model = dict(
    data_preprocessor=dict(type='MiPaDataPreprocessor', patch_size=4, ir_ratio='uniform'),
    backbone=dict(_delete_=True, **_base_.swin_t),
    neck=dict(in_channels=_base_.swin_t_channels),
    bbox_head=dict(num_classes=1))
train_dataloader = dict(_delete_=True, **_base_.llvip_train_dataloader)
val_dataloader = dict(_delete_=True, **_base_.llvip_val_dataloader)
test_dataloader = dict(_delete_=True, **_base_.llvip_test_dataloader)
val_evaluator = dict(_delete_=True, **_base_.llvip_val_evaluator)
test_evaluator = dict(_delete_=True, **_base_.llvip_test_evaluator)
default_hooks = dict(checkpoint=dict(save_best='mean/bbox_mAP'))
# The authors' batch on LLVIP, at DINO's own learning rates.
auto_scale_lr = dict(base_batch_size=8)
