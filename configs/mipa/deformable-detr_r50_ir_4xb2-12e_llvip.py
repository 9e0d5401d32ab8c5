_base_ = './deformable-detr_r50_mipa_4xb2-12e_llvip.py'
# Trained on infrared images alone.
train_dataloader = dict(dataset=dict(modality='ir'))
