"""Time and memory of the losses and layers of the long tail at 1,203 classes, against plain ones.

    python benchmarks/loss_cost.py [--steps 40] [--parts regions detector memory]

regions: mmdet's Shared2FCBBoxHead on 2 x 1,000 regions, its classification loss and the gradients. detector: a training step of
RetinaNet R18 on an image of 256 x 256. memory: what a loss adds to the process at its peak, forward and backward, of 2,000
regions and of the anchors of that RetinaNet, each in a process of its own. Plain is the loss of mmdet with as many outputs.
"""

import argparse
import copy
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imbdet

# isort: split
import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.structures import InstanceData
from paired_steps import calls_in_turn
from table import Row, print_table, ratio_row
from torch import Tensor

from imbdet.classes import ClassCounts
from imbdet.losses import FederatedLoss
from imbdet.training.class_counts_hook import asking_modules

NUM_CLASSES = 1203
COUNTS = ClassCounts(*(np.geomspace(1, most, NUM_CLASSES).astype(np.int64) for most in (60000, 100000)), num_images=100170)
BCE = dict(type='CrossEntropyLoss', use_sigmoid=True)
FOCAL = dict(type='FocalLoss', use_sigmoid=True)
SOFTMAX = dict(type='CrossEntropyLoss')
REGIONS = {  # with the plain loss of as many outputs
    'ClassWeighted': (dict(type='ClassWeighted', loss=SOFTMAX), SOFTMAX),
    'BalancedSoftmaxLoss': (dict(type='BalancedSoftmaxLoss'), SOFTMAX),
    'SynchronizedSeesawLoss': (dict(type='SynchronizedSeesawLoss'), SOFTMAX),
    'FederatedLoss': (dict(type='FederatedLoss', loss=BCE), BCE),
    'EffectiveClassMarginLoss': (dict(type='EffectiveClassMarginLoss'), BCE),
    'EqualizationLoss': (dict(type='EqualizationLoss'), BCE),
    'EqualizationLoss, drop_background': (dict(type='EqualizationLoss', drop_background=True), BCE),
    'GumbelLoss': (dict(type='GumbelLoss'), BCE),
    'EqualizationLossV2': (dict(type='EqualizationLossV2'), BCE),
    "mmdet's SeesawLoss": (dict(type='SeesawLoss', num_classes=NUM_CLASSES), SOFTMAX),
    "mmdet's EQLV2Loss": (dict(type='EQLV2Loss', num_classes=NUM_CLASSES), BCE)}
LAYERS = {
    'CosineLinear': dict(cls_predictor_cfg=dict(type='CosineLinear')),
    'SharedBoxLinear': dict(reg_predictor_cfg=dict(type='SharedBoxLinear'))}
ANCHORS = {
    'EqualizedFocalLoss': dict(type='EqualizedFocalLoss', use_sigmoid=True),
    'FederatedLoss': dict(type='FederatedLoss', use_sigmoid=True, loss=FOCAL),
    'ClassWeighted': dict(type='ClassWeighted', use_sigmoid=True, loss=FOCAL),
    'EqualizationLossV2': dict(type='EqualizationLossV2', use_sigmoid=True),
    'SynchronizedSeesawLoss': dict(type='SynchronizedSeesawLoss', use_sigmoid=True, loss=FOCAL)}
NUM_ANCHORS = 9 * (32**2 + 16**2 + 8**2 + 4**2 + 2**2)
DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'


def prepare(module: torch.nn.Module) -> None:
    """Give the losses in a module what the hooks of a training would."""
    for _, loss in asking_modules(module):
        loss.set_class_counts(COUNTS)  # type: ignore[operator]
    for loss in module.modules():
        if isinstance(loss, FederatedLoss):
            loss.start_step(torch.arange(NUM_CLASSES) < 10, 0)


def build_loss(config: dict) -> tuple[Any, int]:
    """Build a loss of a box head; return it and its number of outputs."""
    loss = MODELS.build(copy.deepcopy(config))
    outputs = NUM_CLASSES + (0 if config.get('use_sigmoid') else 1)
    if getattr(loss, 'custom_cls_channels', False):
        outputs = loss.get_cls_channels(NUM_CLASSES)
    prepare(loss)
    return loss.to(DEVICE), outputs


def labels_of(num_rows: int, foreground: float) -> Tensor:
    """Draw labels; that share of them are classes."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, NUM_CLASSES, (num_rows, ), generator=generator)
    return torch.where(torch.rand(num_rows, generator=generator) < foreground, labels, NUM_CLASSES).to(DEVICE)


class Regions:
    """A box head with its classification loss and the gradients, of the boxes too, on 2 x 1,000 regions."""

    def __init__(self, loss: dict, **settings: Any) -> None:
        torch.manual_seed(0)
        self.head = MODELS.build(dict(type='Shared2FCBBoxHead', in_channels=256, fc_out_channels=1024, num_classes=NUM_CLASSES,
                                      loss_cls=copy.deepcopy(loss), **settings)).to(DEVICE)
        prepare(self.head)
        self.features = torch.randn(2000, 256, 7, 7, device=DEVICE)
        self.labels = labels_of(2000, 0.25)
        self.weights = torch.ones(2000, device=DEVICE)

    def step(self) -> None:
        """Compute loss and gradients."""
        logits, boxes = self.head(self.features)
        losses = self.head.loss_cls(logits, self.labels, self.weights, avg_factor=2000.0)
        ((sum(losses.values()) if isinstance(losses, dict) else losses) + boxes.mean()).backward()


class Detector:
    """A RetinaNet with its loss and the gradients, on one image."""

    def __init__(self, loss: dict, head: str = 'RetinaHead') -> None:
        model = Config.fromfile(Path(imbdet.__file__).parents[1] / 'configs/losses/retinanet_r50_fpn_efl_1x_coco.py').model
        model.backbone.update(depth=18, init_cfg=None)
        model.neck.update(in_channels=[64, 128, 256, 512])
        model.bbox_head.update(num_classes=NUM_CLASSES, loss_cls=copy.deepcopy(loss))
        if head != 'RetinaHead':
            model.bbox_head.update(type=head, head='RetinaHead')
        torch.manual_seed(0)
        self.detector = MODELS.build(model).to(DEVICE)
        self.detector.init_weights()
        self.detector.train()
        prepare(self.detector)
        self.image = torch.randn(1, 3, 256, 256, device=DEVICE)
        boxes = torch.tensor([[16.0, 16, 80, 90], [100, 40, 200, 220], [150, 10, 180, 50]], device=DEVICE)
        sample = DetDataSample(metainfo=dict(img_shape=(256, 256), pad_shape=(256, 256), batch_input_shape=(256, 256)))
        sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.tensor([3, 500, 1200], device=DEVICE))
        self.samples = [sample]

    def step(self) -> None:
        """Compute loss and gradients."""
        self.detector.parse_losses(self.detector(self.image, self.samples, mode='loss'))[0].backward()


def regions(steps: int) -> Iterator[Row]:
    """Time the classifier."""
    for name, (loss, plain) in REGIONS.items():
        limit = None if name.startswith('mmdet') else 1.05
        yield ratio_row('regions', name, calls_in_turn(Regions(plain).step, Regions(loss).step, steps), limit)
    for name, settings in LAYERS.items():
        yield ratio_row('regions', name, calls_in_turn(Regions(SOFTMAX).step, Regions(SOFTMAX, **settings).step, steps), 1.05)


def detector(steps: int) -> Iterator[Row]:
    """Time RetinaNet."""
    plain = Detector(FOCAL)
    for name, loss in ANCHORS.items():
        yield ratio_row('RetinaNet', name, calls_in_turn(plain.step, Detector(loss).step, steps), 1.05)
    yield ratio_row('RetinaNet', 'CosineHead', calls_in_turn(plain.step, Detector(FOCAL, 'CosineHead').step, steps), None)


def peak(kind: str, name: str) -> float:
    """Return the MiB that a loss adds at its peak, beside logits and their gradients; measured in a process of its own."""
    process = subprocess.run([sys.executable, __file__, '--peak', kind, name], check=True, text=True, stdout=subprocess.PIPE)
    return float(process.stdout.split()[-1])


def print_peak(kind: str, name: str) -> None:
    """Compute a loss and its gradients, and print the MiB that the process has had at most, more than before."""
    config = REGIONS[name][0] if kind == 'regions' and name in REGIONS else {**ANCHORS, 'bce': BCE, 'focal': FOCAL,
                                                                             'softmax': SOFTMAX}[name]
    if kind == 'regions':
        loss, outputs = build_loss(config)
        rows, share = 2000, 0.25
    else:
        loss, outputs, rows, share = MODELS.build(copy.deepcopy(config)), NUM_CLASSES, NUM_ANCHORS, 0.002
        prepare(loss)
    loss(torch.zeros(2, outputs, requires_grad=True), torch.tensor([0, NUM_CLASSES]), torch.ones(2), avg_factor=1.0)
    logits = torch.zeros(rows, outputs, requires_grad=True)
    labels, weights = labels_of(rows, share), torch.ones(rows)
    Path('/proc/self/clear_refs').write_text('5', encoding='ascii')  # the peak is that of now
    before = peak_memory()
    losses = loss(logits, labels, weights, avg_factor=100.0)
    (sum(losses.values()) if isinstance(losses, dict) else losses).backward()
    print(peak_memory() - before)


def peak_memory() -> float:
    """Return the largest memory that the process has had, in MiB; Linux alone tells it so that it can be reset."""
    return int(re.search(r'VmHWM:\s*(\d+)', Path('/proc/self/status').read_text(encoding='ascii'))[1]) / 2**10


def memory(_: int) -> Iterator[Row]:
    """Compare peaks."""
    for kind, names in (('regions', REGIONS), ('anchors', ANCHORS)):
        plains: dict[str, float] = {}
        for name in names:
            plain = 'focal' if kind == 'anchors' else 'bce' if REGIONS[name][1] is BCE else 'softmax'
            if plain not in plains:
                plains[plain] = peak(kind, plain)
            found = peak(kind, name)
            ours = not name.startswith('mmdet')
            yield Row('memory', f'{kind}: {name} against {plain}',
                      f'{found / plains[plain]:.2f}: {plains[plain]:.0f} and {found:.0f} MiB',
                      'at most 1.3' if ours else '', not ours or found <= 1.3 * plains[plain])


PARTS = {'regions': regions, 'detector': detector, 'memory': memory}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--steps', type=int, default=40, help='steps of each (default: %(default)s)')
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=list(PARTS), help='what to measure (default: all)')
    parser.add_argument('--peak', nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    register_all_modules()
    if arguments.peak:
        print_peak(*arguments.peak)
        return
    raise SystemExit(not print_table([row for part in arguments.parts for row in PARTS[part](arguments.steps)]))


if __name__ == '__main__':
    main()
