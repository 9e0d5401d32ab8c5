_base_ = './deformable-detr_swin-t_mipa_3xb2-12e_llvip.py'
# Trained on visible images alone.
train_dataloader = dict(dataset=dict(modality='rgb'))
