_base_ = './retinanet_r18_mipa_400i_digits-pairs.py'
# The backbone's second stage has a cell for 8 x 8 pixels; a quarter of a patch.
model = dict(
    _delete_=True,
    type='ModalityAgnosticDetector',
    detector={{_base_.model}},
    stage=1,
    # 400 iterations count as the paper's 12 epochs.
    modality_head=dict(type='PatchModalityHead', in_channels=64, stride=8, patch_size=16, gamma=0.1, epoch_length=33))
