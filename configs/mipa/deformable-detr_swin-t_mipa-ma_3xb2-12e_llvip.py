_base_ = './deformable-detr_swin-t_mipa_3xb2-12e_llvip.py'
model = dict(
    _delete_=True,
    type='ModalityAgnosticDetector',
    detector=_base_.model,
    stage=0,
    modality_head=dict(
        type='PatchModalityHead',
        in_channels=192,
        stride=8,
        patch_size=4,
        gamma=0.15,
        norm_cfg=dict(type='SyncBN')))
