"""The class statistics that a calibration needs: from a file, from the training set, and for LogN from the detector."""

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.model import BaseModel
    from torch.utils.data import DataLoader

    from imbdet.calibration import ClassStatistics


def build_detector(cfg: 'Config') -> 'BaseModel':
    """Build the detector of a config, with random weights."""
    from mmdet.registry import MODELS
    from mmengine.registry import init_default_scope

    init_default_scope(cfg.get('default_scope', 'mmdet'))
    return MODELS.build(cfg.model)


def load_weights(detector: 'BaseModel', checkpoint: dict[str, Any]) -> None:
    """Load a checkpoint into a detector.

    Raises:
        ValueError: If a layer would stay random.
    """
    from imbdet.training_checks.loaded_weights import loaded_weights, weight_shapes

    weights = checkpoint.get('state_dict', checkpoint)
    shapes = {name: value.shape for name, value in detector.state_dict().items()}
    fitting = {name: value for name, value in weights.items() if name in shapes and shapes[name] == value.shape}
    missing, unexpected = detector.load_state_dict(fitting, strict=False)
    found = loaded_weights(detector, weight_shapes(weights), missing, unexpected)
    if found.new:
        raise ValueError(f'the checkpoint is not of the detector of the config: {found.summary()}')


def find_statistics(cfg: 'Config', detector: 'BaseModel', checkpoint: dict[str, Any], method: str,
                    path: Path | None) -> 'ClassStatistics':
    """Read or compute the class statistics; for LogN with those of the detector's logits on all training images.

    Args:
        cfg: The config.
        detector: Its detector, which gets the weights of the checkpoint if LogN needs them.
        checkpoint: The checkpoint, not calibrated.
        method: Method of the calibration.
        path: File of class statistics; None: they are computed.

    Returns:
        The statistics.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the config has no training set, or the checkpoint is of another detector.
    """
    import msgspec

    from imbdet.calibration import applied_calibration, collect_logits, dataset_statistics, read_statistics
    from imbdet.calibration.class_statistics import LayerLogits

    if path is not None:
        return read_statistics(path)
    if (applied := applied_calibration(checkpoint)) is not None:
        raise ValueError(f'the checkpoint is calibrated already ({applied}); take that out first with imbdet calibrate --undo')
    if cfg.get('train_dataloader') is None:
        raise ValueError('the config has no train_dataloader, whose classes are to be counted; give --statistics')
    loader = training_loader(cfg)
    statistics = dataset_statistics(loader.dataset)
    if method == 'logn':
        from mmengine.device import get_device
        from tqdm import tqdm

        from imbdet.training.class_counts_hook import bring_class_counts

        load_weights(detector, checkpoint)
        bring_class_counts(detector, loader.dataset)
        batches = tqdm(loader, unit='batch', desc='logits of training images', disable=None)
        logits = collect_logits(detector.to(get_device()), batches)
        statistics = msgspec.structs.replace(
            statistics, logits={name: LayerLogits.of(each) for name, each in logits.items()})
    return statistics


def training_loader(cfg: 'Config') -> 'DataLoader':
    """Build the training dataloader, which gives each image once in an epoch, in a fixed random order.

    A sampler that repeats images would count them as often; LogN's statistics are those of the images.
    """
    from mmengine.runner import Runner

    config = {**cfg.train_dataloader, 'sampler': dict(type='DefaultSampler', shuffle=True), 'persistent_workers': False}
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        return Runner.build_dataloader(config, seed=0)
