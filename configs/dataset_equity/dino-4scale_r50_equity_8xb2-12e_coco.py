_base_ = 'mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
# Made by tools/equity/build_likelihoods.py of this config: see README.md.
custom_hooks = [dict(type='DatasetEquityHook', likelihoods='data/coco/equity_train2017.npz')]
