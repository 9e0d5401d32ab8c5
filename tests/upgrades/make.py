"""Keep a config and a checkpoint of each method as this release makes them: ``python -m tests.upgrades.make``.

Run it once, when a release is made, and commit the folder that it writes, named by the version; test_upgrades.py then loads
it with every later one.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from mmdet.utils import register_all_modules
from mmengine.runner import Runner

import imbdet

from ..dataset_equity.write_likelihoods import write_for
from ..mipa.paired_training import STATISTICS, training_config
from ..mipa.pairs_of_images import paired_dataset, write_pairs
from ..tiny_detectors import tiny_detector
from .results import results

FOLDER = Path(__file__).parent / imbdet.__version__
SAMPLER = dict(type='RepeatFactorSampler', method='irfs', threshold=0.9)
BIAS = dict(type='OptimalBiasInitHook', prior='measure', num_batches=1)
GUIDED = dict(type='GuidedLossHook', momentum=0.3)
EQUITY = dict(type='DatasetEquityHook', likelihoods='equity.npz')
METHODS = {  # sampler, hooks, and whether MiPa is on
    'irfs': (SAMPLER, [], False),
    'sampling_free': (None, [BIAS, GUIDED], False),
    'dataset_equity': (None, [EQUITY], False),
    'mipa': (None, [], True),
    'all_four': (SAMPLER, [BIAS, GUIDED, EQUITY], True),
}


def detector(mixed):
    """Config of a detector of some thousand parameters."""
    model = tiny_detector(
        'retinanet',
        backbone=dict(base_channels=2, num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(0, 1)),
        neck=dict(in_channels=[2, 4], out_channels=4, start_level=0, num_outs=2),
        bbox_head=dict(in_channels=4, feat_channels=4, anchor_generator=dict(strides=[4, 8])),
        test_cfg=dict(score_thr=0.0, max_per_img=5))
    if not mixed:
        return model
    model.data_preprocessor = dict(type='MiPaDataPreprocessor', patch_size=8, ir_ratio='learnable', bgr_to_rgb=True,
                                   pad_size_divisor=32, **STATISTICS)
    head = dict(type='PatchModalityHead', in_channels=4, stride=8, patch_size=8, feat_channels=4)
    return dict(type='ModalityAgnosticDetector', detector=model, stage=1, modality_head=head)


def make(method):
    """Train for two epochs in the working directory, where the data are; keep the config and the checkpoint after one."""
    sampler, hooks, mixed = METHODS[method]
    config = training_config(Path(), detector(mixed))
    config.train_dataloader.dataset = paired_dataset('', modality='pair' if mixed else 'rgb')
    config.train_dataloader.sampler = sampler or config.train_dataloader.sampler
    config.custom_hooks = hooks
    Runner.from_cfg(config).train()
    checkpoint = torch.load('work/epoch_1.pth', weights_only=True)
    checkpoint['message_hub']['runtime_info']['last_ckpt'] = 'work/epoch_1.pth'  # without the path on this machine
    torch.save(checkpoint, f'{method}.pth')
    Path(f'{method}.py').write_text(config.pretty_text + '\n')


def main():
    """Make all in a temporary folder, and move it when it is whole."""
    if FOLDER.exists():
        raise SystemExit(f'{FOLDER} is there; what a release made stays as it was')
    register_all_modules()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        write_pairs(Path(), num_images=4, size=(64, 64), num_boxes=[3, 1, 2, 4])
        write_for(Path(), [0.0, 0.3, 0.6, 1.0], paths=np.array([f'visible/{index}.png' for index in range(4)]))
        for method in METHODS:
            make(method)
        Path('work/foreground_prior.json').rename('foreground_prior.json')  # of all four
        shutil.rmtree('work')
        expected = {method: results(Path(), method, Path('work', method)) for method in METHODS}
        shutil.rmtree('work')
        Path('expected.json').write_text(json.dumps(expected, indent=1) + '\n')
        shutil.copytree('.', FOLDER)
        FOLDER.chmod(0o755)
    print(f'wrote {FOLDER}')


if __name__ == '__main__':
    main()
