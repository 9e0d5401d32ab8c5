_base_ = './dino-4scale_swin-l_mipa_3xb2-12e_llvip.py'
# Trained on infrared images alone.
train_dataloader = dict(dataset=dict(modality='ir'))
