"""What turns an image into an embedding: a network, or statistics that need none."""

import warnings
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor, nn

from imbdet.dataset_equity.image_statistics import color_texture

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
NORMALIZATIONS = ('imagenet', 'symmetric')
STATISTICS_SIZE = 256
CLASSIFIERS = ('fc.', 'classifier.', 'head')


class Embedding(Protocol):
    """How images are embedded."""

    @property
    def description(self) -> dict[str, Any]:
        """Name, weights and size, as in file and log."""

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Bring an RGB image, uint8 of shape (height, width, 3), to what is stacked into a batch. Runs in workers."""

    def embed(self, batch: Tensor) -> Tensor:
        """Embed a batch of B prepared images; returns shape (B, D), floating."""


class ColorTexture(NamedTuple):
    """Color and texture statistics, see :func:`color_texture`."""

    description: dict[str, Any]

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Describe the image, at 256 x 256 pixels."""
        size = (STATISTICS_SIZE, STATISTICS_SIZE)
        return color_texture(cv2.resize(image, size, interpolation=cv2.INTER_AREA))

    def embed(self, batch: Tensor) -> Tensor:
        """Return the descriptions."""
        return batch


class NetworkEmbedding(NamedTuple):
    """The pooled last features of a network.

    Attributes:
        description: Name, weights and size.
        network: Takes normalized images (B, 3, size, size), returns (B, D), or (B, D, H, W), which is averaged.
        mean: Of the channels, shape (3, 1, 1), grey levels.
        std: Of the channels, likewise.
        bgr: Whether the network takes blue, green, red.
        size: Side to which images are squeezed, in pixels.
    """

    description: dict[str, Any]
    network: nn.Module
    mean: Tensor
    std: Tensor
    bgr: bool
    size: int

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Squeeze the whole image into a square: objects at the edges count as well."""
        return cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)

    def embed(self, batch: Tensor) -> Tensor:
        """Run the network."""
        images = batch.flip(1) if self.bgr else batch
        features = self.network((images.float() - self.mean.to(batch.device)) / self.std.to(batch.device))
        if isinstance(features, (list, tuple)):  # a backbone's levels
            features = features[-1]
        return features.float().mean((2, 3)) if features.dim() == 4 else features.float()


def build_embedding(name: str, weights: str, size: int, cfg: Config | None, device: torch.device,
                    normalization: str = 'imagenet') -> Embedding:
    """Build what embeds images.

    Args:
        name: ``'colour-texture'``; ``'detector'``, the backbone of the config's detector; a model of torchvision such as
            ``'resnet50'``; or ``'timm:'`` and a model of timm, such as ``'timm:vit_small_patch14_dinov2'``.
        weights: ``'default'``, from the model's hub; ``'none'``, random, with a warning; a file; or torchvision's name of
            weights, such as ``'IMAGENET1K_V1'``.
        size: Side of the square that a network sees, in pixels.
        cfg: The config, for ``'detector'``.
        device: Where the network shall run.
        normalization: Of the images for a model of torchvision: ``'imagenet'``, by the mean and standard deviation that its
            weights were trained with; or ``'symmetric'``, to [-1, 1], as the code of DatasetEquity's authors has it.

    Returns:
        The embedding.

    Raises:
        ValueError: If the model is unknown, its weights do not fit or cannot be had, or it has a normalization of its own.
        FileNotFoundError: If the file of weights does not exist.
        ImportError: If timm is needed and not installed.
    """
    if weights not in ('default', 'none', *_weight_names(name)) and not Path(weights).is_file():
        raise FileNotFoundError(f"--weights {weights}: no such file (or 'default', 'none', or a name of torchvision's such as "
                                'IMAGENET1K_V1)')
    if normalization != 'imagenet' and name not in _torchvision_models():
        raise ValueError(f'--normalization {normalization} is for models of torchvision; {name} has its own')
    if name == 'colour-texture':
        return ColorTexture({'name': name, 'weights': 'needs none', 'size': STATISTICS_SIZE})
    description = {'name': name, 'weights': weights, 'size': size}
    if normalization != 'imagenet':
        description['normalization'] = normalization
    if weights == 'none':
        warnings.warn(f'{name} with random weights: images that look alike to it need not look alike', stacklevel=2)
    mean, std, bgr = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD), False
    network: nn.Module
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)  # random weights are the same in all processes, and when a killed run is continued
        if name == 'detector':
            network, mean, std, bgr = _detector_backbone(weights, cfg)
        elif name.startswith('timm:'):
            network, mean, std = _timm_model(name.removeprefix('timm:'), weights, size)
        else:
            network = _torchvision_model(name, weights)
            if normalization == 'symmetric':
                mean = std = torch.full((3, ), 127.5)
    network.eval()  # not chained: mmdet's backbones return None
    network.requires_grad_(False).to(device)
    return NetworkEmbedding(description, network, mean.view(3, 1, 1), std.view(3, 1, 1), bgr, size)


def _torchvision_models() -> list[str]:
    import torchvision
    return torchvision.models.list_models(module=torchvision.models)  # those that classify


def _weight_names(name: str) -> list[str]:
    from torchvision.models import get_model_weights
    return list(get_model_weights(name).__members__) if name in _torchvision_models() else []


def _torchvision_model(name: str, weights: str) -> nn.Module:
    from torchvision.models import get_model
    if name not in _torchvision_models():
        raise ValueError(f"no embedding {name!r}: choose colour-texture, detector, a model of torchvision.models such as "
                         'resnet50, or timm:NAME')
    if weights == 'default' or (weights in _weight_names(name) and not Path(weights).is_file()):
        # torchvision loads them itself: it renames layers of DenseNets, and scales Inception's input
        model = _download(lambda: get_model(name, weights=weights if weights != 'default' else 'DEFAULT'), name)
    else:
        model = get_model(name, weights=None)
        if weights != 'none':
            _load(model, name, _read_state(weights), weights)
    for classifier in ('fc', 'classifier', 'heads', 'head'):
        if hasattr(model, classifier):
            setattr(model, classifier, nn.Identity())
            return model
    raise ValueError(f'{name} has no classifier to take off; choose another model')


def _timm_model(name: str, weights: str, size: int) -> tuple[nn.Module, Tensor, Tensor]:
    try:
        import timm
    except ImportError as error:
        raise ImportError(f"timm:{name} needs timm: pip install 'imbdet[embeddings]'") from error
    if name.split('.')[0] not in timm.list_models():
        raise ValueError(f'timm has no model {name!r}; timm.list_models() lists them')

    def create(**sizes: Any) -> Any:
        return timm.create_model(name, pretrained=weights == 'default', num_classes=0, **sizes)

    def create_for_size() -> Any:
        try:
            return create(img_size=size)  # transformers are made for one size,
        except TypeError:
            return create()  # convolutions take any

    model = _download(create_for_size, f'timm:{name}') if weights == 'default' else create_for_size()
    if weights not in ('default', 'none'):
        _load(model, name, _read_state(weights), weights)
    data = timm.data.resolve_model_data_config(model)
    return model, 255 * torch.tensor(data['mean']), 255 * torch.tensor(data['std'])


def _detector_backbone(weights: str, cfg: Config | None) -> tuple[nn.Module, Tensor, Tensor, bool]:
    from mmdet.registry import MODELS
    if cfg is None or weights == 'default':
        raise ValueError("--embedding detector takes the backbone of the config's detector: give its CONFIG and --weights "
                         'CHECKPOINT, of a detector trained on the data or of its backbone alone')
    detector = MODELS.build(cfg.model)
    if weights != 'none':
        state = _read_state(weights)
        # A whole detector, or its backbone alone, as ImageNet weights are.
        own = {key.removeprefix('backbone.'): value for key, value in state.items() if key.startswith('backbone.')} or state
        _load(detector.backbone, "the config's backbone", own, weights)
    preprocessor = detector.data_preprocessor
    mean, std = getattr(preprocessor, 'mean', torch.zeros(3)), getattr(preprocessor, 'std', torch.ones(3))
    # mmdet loads images as BGR; most preprocessors turn them.
    return detector.backbone, mean, std, not getattr(preprocessor, '_channel_conversion', False)


def _download(fetch: Any, name: str) -> Any:
    """Fetch weights from a hub; say what to do where there is none to be reached."""
    try:
        return fetch()
    except Exception as error:  # whatever the hub's client raises
        raise ValueError(f'the weights of {name} could not be fetched ({type(error).__name__}: {error}). Give a file with '
                         '--weights, or choose an embedding that needs none: --embedding colour-texture, or --embedding '
                         'detector --weights CHECKPOINT') from error


def _read_state(path: str) -> dict[str, Tensor]:
    """Read a state dict, or a checkpoint that holds one, without running pickled code."""
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
        return dict(content.get('state_dict', content))
    except Exception as error:  # torch raises several
        raise ValueError(f'{path} is no file of weights that torch loads with weights_only ({error})') from error


def _load(model: nn.Module, name: str, state: dict[str, Tensor], file: str) -> None:
    """Load weights; only a classifier, which is taken off, may be missing, of another size or too much."""
    wanted = model.state_dict()
    fitting = {key: value for key, value in state.items() if key in wanted and value.shape == wanted[key].shape}
    wrong = [key for key in {**wanted, **state} if key not in fitting and not key.startswith(CLASSIFIERS)
             and not key.endswith('num_batches_tracked')]  # of no use here; files before torch 0.4.1 lack them
    if wrong:
        raise ValueError(f'the weights of {file} do not fit {name}: {wrong[0]} and {len(wrong) - 1} more are missing, of '
                         'another shape or too much')
    model.load_state_dict(fitting, strict=False)
