_base_ = ['./dino-4scale_swin-t_mipa_4xb2-12e_llvip.py', '../_base_/datasets/flir_pairs.py']
model = dict(bbox_head=dict(num_classes=3))
train_dataloader = dict(_delete_=True, **_base_.flir_train_dataloader)
val_dataloader = dict(_delete_=True, **_base_.flir_val_dataloader)
test_dataloader = dict(_delete_=True, **_base_.flir_test_dataloader)
val_evaluator = dict(_delete_=True, **_base_.flir_val_evaluator)
test_evaluator = dict(_delete_=True, **_base_.flir_test_evaluator)
# The learning rates are those of the authors' batch of 6.
auto_scale_lr = dict(base_batch_size=6)
