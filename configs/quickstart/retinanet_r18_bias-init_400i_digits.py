_base_ = './retinanet_r18_plain-ce_400i_digits.py'
custom_hooks = [dict(type='OptimalBiasInitHook', prior='measure')]
