_base_ = './dino-4scale_r50_mipa_4xb2-12e_llvip.py'
# Trained on visible images alone.
train_dataloader = dict(dataset=dict(modality='rgb'))
