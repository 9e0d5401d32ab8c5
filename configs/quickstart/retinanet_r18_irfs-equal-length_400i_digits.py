_base_ = './retinanet_r18_irfs_400i_digits.py'
# An epoch of as many images as one of RFS at 0.1.
train_dataloader = dict(sampler=dict(threshold=0.0575))
