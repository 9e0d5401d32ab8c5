_base_ = './rtmdet_s_irfs_8xb32-300e_lvis-v1.py'
train_dataloader = dict(sampler=dict(method='rfs'))
