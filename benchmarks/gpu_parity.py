"""Rows of gpu_check.py: the methods' maths and whole steps of a detector, on the CPU and on the GPU."""

import copy
from collections.abc import Iterator

import torch
from mmdet.structures import DetDataSample
from mmengine.hooks import Hook
from mmengine.runner import Runner
from table import Row
from torch import Tensor

from imbdet.dataset_equity.batch_weights import weight_gradient
from imbdet.mipa.ir_ratio import LearnableRatio, pass_gradient_to_ratio
from imbdet.mipa.modality_head import PatchModalityHead, reverse_gradient
from imbdet.mipa.patch_mixing import draw_modality_map, select_patches
from imbdet.sampling_free import count_foreground, guided_weight


def difference(name: str, on_cpu: list[Tensor], on_device: list[Tensor], limit: float) -> Row:
    """Compare results: the norm of their difference against that of those on the CPU."""
    far, size = (torch.cat([part.detach().cpu().double().flatten() for part in parts]) for parts in (on_device, on_cpu))
    apart = float((far - size).norm() / size.norm().clamp(min=1e-12))
    return Row('CPU and GPU', name, f'{apart:.1e}', f'at most {limit:.0e}', apart <= limit)


def compare_maths(device: torch.device) -> Iterator[Row]:
    """Run the maths of each method on random numbers, forwards and backwards, on both devices."""
    generator = torch.Generator().manual_seed(0)
    rgb, ir = torch.randn(2, 4, 3, 130, 94, generator=generator)
    modality_map = draw_modality_map([(130, 94)] * 4, (130, 94), 0.4, 16, generator)
    features = torch.randn(4, 32, 17, 12, generator=generator)
    weights = torch.rand(4, generator=generator)
    losses = torch.rand(2, 3, generator=generator)
    labels = torch.randint(0, 21, (5000, ), generator=generator)
    head = PatchModalityHead(32, stride=8, patch_size=16, epoch_length=1)
    ratio = LearnableRatio()
    samples = [DetDataSample(metainfo=dict(img_shape=(130, 94)), modality_map=one) for one in modality_map]

    def results(where: torch.device) -> dict[str, list[Tensor]]:
        visible, infrared = (images.to(where).requires_grad_() for images in (rgb, ir))
        mixed = select_patches(visible, infrared, modality_map.to(where), 16)
        learnt = copy.deepcopy(ratio).to(where)
        share = learnt(torch.Generator().manual_seed(1))
        passed = pass_gradient_to_ratio(mixed, visible, infrared, share)
        passed.square().sum().backward()
        weighted = features.to(where).requires_grad_()
        weight_gradient(weighted.square(), weights.to(where)).sum().backward()
        reversed_features = features.to(where).requires_grad_()
        reverse_gradient(reversed_features, 0.3).square().sum().backward()
        classifier, seen = copy.deepcopy(head).to(where), features.to(where).requires_grad_()
        for sample, one in zip(samples, modality_map, strict=True):
            sample.modality_map = one.to(where)
        loss = classifier.loss(seen, samples)['loss_modality']
        loss.backward()
        return {'MiPa: mixed patches': [mixed],
                'MiPa: gradients of images and learnt ratio': [visible.grad, infrared.grad,
                                                               *(parameter.grad for parameter in learnt.parameters())],
                'MiPa: modality loss and gradients': [loss, *(parameter.grad for parameter in classifier.parameters())],
                'MiPa: reversed gradient': [reversed_features.grad],
                'DatasetEquity: weighted gradient': [weighted.grad],
                'Sampling-Free: guided weights': list(guided_weight(*losses.to(where), torch.zeros(2, 3, device=where), 0.2)),
                'Sampling-Free: foreground': [torch.stack(count_foreground(labels.to(where), None, 20))]}

    on_cpu, on_device = results(torch.device('cpu')), results(device)
    for name in on_cpu:
        yield difference(name, on_cpu[name], on_device[name], 1e-5)


def compare_step(name: str, runner: Runner, hook: Hook | None, device: torch.device) -> Iterator[Row]:
    """Compute losses and gradients of one batch, and detect, on both devices.

    Args:
        name: What to call the detector.
        runner: Its runner, with the model on the device.
        hook: A hook of imbdet that attaches before a training.
        device: The device.
    """
    batch = next(iter(runner.train_dataloader))
    if hook is not None:
        hook.before_train(runner)
    start = copy.deepcopy(runner.model.state_dict())
    found = {}
    for where in (device, torch.device('cpu')):
        runner.model.to(where)
        runner.model.load_state_dict(start)  # batch norm has counted the batch
        runner.model.zero_grad()
        runner.model.train()
        data = runner.model.data_preprocessor(copy.deepcopy(batch), True)
        losses = runner.model(**data, mode='loss')
        total = runner.model.parse_losses(losses)[0]
        total.backward()
        gradients = [parameter.grad for parameter in runner.model.parameters() if parameter.grad is not None]
        runner.model.eval()
        with torch.no_grad():
            scores = [sample.pred_instances.scores for sample in runner.model.test_step(copy.deepcopy(batch))]
        found[where.type] = [total], [gradient.cpu() for gradient in gradients], [torch.cat(scores).sort().values[-100:]]
    if hook is not None:
        hook.after_train(runner)
    runner.model.to(device)
    for position, (what, limit) in enumerate((('loss', 1e-4), ('gradients', 1e-3), ('highest scores', 1e-3))):
        yield difference(f'{name}: {what}', found['cpu'][position], found[device.type][position], limit)
