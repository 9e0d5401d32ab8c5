_base_ = '../quickstart/retinanet_r18_mipa-ma_1200i_digits-pairs.py'
# Plain cross entropy over all anchors, in place of focal loss: what Sampling-Free starts from.
model = dict(
    detector=dict(bbox_head=dict(loss_cls=dict(_delete_=True, type='CrossEntropyLoss', use_sigmoid=True))))
# The set is small: its rare classes are in 4 to 10 of some 540 images, so the threshold is far above LVIS's 1e-3.
train_dataloader = dict(sampler=dict(_delete_=True, type='RepeatFactorSampler', method='irfs', threshold=0.1))
custom_hooks = [
    dict(type='OptimalBiasInitHook', prior='measure'),
    dict(type='GuidedLossHook'),
    # Made by: python tools/equity/build_likelihoods.py configs/combined/retinanet_r18_combined_1200i_digits-pairs.py
    #              --embedding colour-texture --clusters 3 --out data/digits_longtail/equity.npz
    # Classification alone, as the number in the README was measured with; the paper, and the hook's default, weight all losses.
    dict(type='DatasetEquityHook', likelihoods='data/digits_longtail/equity.npz', normalize='dataset', apply_to='cls')
]
