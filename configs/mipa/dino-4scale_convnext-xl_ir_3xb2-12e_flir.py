_base_ = './dino-4scale_convnext-xl_mipa_3xb2-12e_flir.py'
# Trained on infrared images alone.
train_dataloader = dict(dataset=dict(modality='ir'))
