_base_ = './dino-4scale_convnext-xl_mipa_3xb2-12e_flir.py'
model = dict(
    _delete_=True,
    type='ModalityAgnosticDetector',
    detector=_base_.model,
    stage=0,
    modality_head=dict(
        type='PatchModalityHead',
        in_channels=512,
        stride=8,
        patch_size=4,
        gamma=0.05,
        norm_cfg=dict(type='SyncBN')))
