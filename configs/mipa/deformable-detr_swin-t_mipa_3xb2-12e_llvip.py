_base_ = ['./deformable-detr_r50_mipa_4xb2-12e_llvip.py', '../_base_/models/mipa_backbones.py']
model = dict(
    data_preprocessor=dict(patch_size=4),
    backbone=dict(_delete_=True, **_base_.swin_t),
    neck=dict(in_channels=_base_.swin_t_channels))
