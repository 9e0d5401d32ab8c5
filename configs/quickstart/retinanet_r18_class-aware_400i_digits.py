_base_ = './retinanet_r18_baseline_400i_digits.py'
# mmdet's sampler that draws a class, then an image of it: a peer of repeat factors.
train_dataloader = dict(sampler=dict(_delete_=True, type='ClassAwareSampler', num_sample_class=1))
