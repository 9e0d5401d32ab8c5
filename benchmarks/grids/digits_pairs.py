"""MiPa on the pairs of the long-tailed digits, at equal iterations, compared with whole images of both cameras."""

seeds = [0, 1, 2, 3, 4]
runs = dict(
    both=dict(config='configs/quickstart/retinanet_r18_both_1200i_digits-pairs.py'),
    rgb=dict(config='configs/quickstart/retinanet_r18_rgb_1200i_digits-pairs.py'),
    ir=dict(config='configs/quickstart/retinanet_r18_ir_1200i_digits-pairs.py'),
    mipa=dict(config='configs/quickstart/retinanet_r18_mipa_1200i_digits-pairs.py'),
    mipa_ma=dict(config='configs/quickstart/retinanet_r18_mipa-ma_1200i_digits-pairs.py'))
