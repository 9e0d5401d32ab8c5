_base_ = './dino-4scale_swin-t_mipa_4xb2-12e_flir.py'
# Trained on infrared images alone.
train_dataloader = dict(dataset=dict(modality='ir'))
