_base_ = './deformable-detr_r50_mipa_4xb2-12e_flir.py'
model = dict(
    _delete_=True,
    type='ModalityAgnosticDetector',
    detector=_base_.model,
    stage=1,
    modality_head=dict(
        type='PatchModalityHead',
        in_channels=1024,
        stride=16,
        patch_size=16,
        gamma=0.05,
        norm_cfg=dict(type='SyncBN')))
