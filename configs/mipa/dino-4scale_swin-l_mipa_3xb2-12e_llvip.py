_base_ = './dino-4scale_swin-t_mipa_4xb2-12e_llvip.py'
model = dict(
    backbone=dict(_delete_=True, **_base_.swin_l),
    neck=dict(in_channels=_base_.swin_l_channels))
# The authors' batch of 6.
auto_scale_lr = dict(base_batch_size=6)
