_base_ = './faster-rcnn_swin-t-p4-w7_fpn_mipa_1x_llvip.py'
model = dict(
    _delete_=True,
    type='ModalityAgnosticDetector',
    detector=_base_.model,
    stage=1,
    modality_head=dict(
        type='PatchModalityHead',
        in_channels=192,
        stride=8,
        patch_size=4,
        gamma=0.15,
        norm_cfg=dict(type='SyncBN')))
