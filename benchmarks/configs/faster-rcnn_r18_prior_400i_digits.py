_base_ = '../../configs/quickstart/faster-rcnn_r18_baseline_400i_digits.py'
# Sigmoids of the box head start at a score of 0.01, as in CenterNet2; a loss of sigmoids is given by the grid.
custom_hooks = [dict(type='OptimalBiasInitHook', prior={'roi_head.bbox_head': 0.01})]
