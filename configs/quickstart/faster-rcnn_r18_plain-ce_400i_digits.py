_base_ = './faster-rcnn_r18_baseline_400i_digits.py'
# Plain cross entropy over all anchors and all proposals, without sampling: what Sampling-Free starts from.
model = dict(
    # RandomSampler makes the RPN divide its losses by all sampled anchors, 256; PseudoSampler by the positive ones only.
    # This weight, that of a published port, brings its regression back beside the other losses.
    rpn_head=dict(loss_bbox=dict(loss_weight=0.125)),
    train_cfg=dict(
        rpn=dict(sampler=dict(_delete_=True, type='PseudoSampler')),
        # More than the proposals, so that none is left out. PseudoSampler would take them all too, but not the ground
        # truth, which a young RPN does not yet propose.
        rcnn=dict(sampler=dict(num=512, pos_fraction=1.0))))
