_base_ = './retinanet_r18_irfs_400i_digits.py'
# A hundred times its paper's threshold, as IRFS's here is of its own.
train_dataloader = dict(sampler=dict(method='e-irfs', threshold=0.01))
