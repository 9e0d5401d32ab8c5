_base_ = './retinanet_r18_mipa_1200i_digits-pairs.py'
model = dict(
    _delete_=True,
    type='ModalityAgnosticDetector',
    detector=_base_.model,
    stage=2,
    modality_head=dict(
        type='PatchModalityHead',
        in_channels=128,
        stride=16,
        patch_size=80,
        gamma=0.1,
        # 1,200 iterations count as the paper's 12 epochs.
        epoch_length=100))
