_base_ = ['./faster-rcnn_r50_fpn_mipa_1x_llvip.py', '../_base_/datasets/kaist_pairs.py']
train_dataloader = dict(_delete_=True, **_base_.kaist_train_dataloader)
val_dataloader = dict(_delete_=True, **_base_.kaist_val_dataloader)
test_dataloader = dict(_delete_=True, **_base_.kaist_test_dataloader)
val_evaluator = dict(_delete_=True, **_base_.kaist_val_evaluator)
test_evaluator = dict(_delete_=True, **_base_.kaist_test_evaluator)
