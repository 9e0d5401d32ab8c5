_base_ = './dino-4scale_r50_mipa_4xb2-12e_llvip.py'
# Trained on whole images of both cameras.
model = dict(data_preprocessor=dict(mode='image', ir_ratio=0.5))
