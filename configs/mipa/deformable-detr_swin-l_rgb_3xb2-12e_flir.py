_base_ = './deformable-detr_swin-l_mipa_3xb2-12e_flir.py'
# Trained on visible images alone.
train_dataloader = dict(dataset=dict(modality='rgb'))
