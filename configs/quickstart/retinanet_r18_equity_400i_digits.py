_base_ = './retinanet_r18_baseline_400i_digits.py'
# Made by: python tools/equity/build_likelihoods.py configs/quickstart/retinanet_r18_baseline_400i_digits.py
#              --embedding colour-texture --clusters 3 --out data/digits_longtail/equity.npz
# Classification alone, as the numbers in the README were measured with; the paper, and the hook's default, weight all losses.
custom_hooks = [dict(type='DatasetEquityHook', likelihoods='data/digits_longtail/equity.npz', apply_to='cls')]
