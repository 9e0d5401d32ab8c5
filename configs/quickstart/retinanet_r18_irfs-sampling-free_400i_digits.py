_base_ = './retinanet_r18_sampling-free_400i_digits.py'
# The set is small: its rare classes are in 4 to 10 of some 540 images, so the threshold is far above LVIS's 1e-3.
train_dataloader = dict(sampler=dict(_delete_=True, type='RepeatFactorSampler', method='irfs', threshold=0.1))
