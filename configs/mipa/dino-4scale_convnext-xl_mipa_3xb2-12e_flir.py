_base_ = './dino-4scale_swin-t_mipa_4xb2-12e_flir.py'
custom_imports = dict(imports=['imbdet', 'mmpretrain.models'], allow_failed_imports=False)
model = dict(
    backbone=dict(_delete_=True, **_base_.convnext_xl),
    neck=dict(in_channels=_base_.convnext_xl_channels))
