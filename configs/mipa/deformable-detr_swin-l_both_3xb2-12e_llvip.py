_base_ = './deformable-detr_swin-l_mipa_3xb2-12e_llvip.py'
# Trained on whole images of both cameras.
model = dict(data_preprocessor=dict(mode='image', ir_ratio=0.5))
