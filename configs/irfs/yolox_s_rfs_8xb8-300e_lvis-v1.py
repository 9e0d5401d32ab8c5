_base_ = './yolox_s_irfs_8xb8-300e_lvis-v1.py'
train_dataloader = dict(sampler=dict(method='rfs'))
