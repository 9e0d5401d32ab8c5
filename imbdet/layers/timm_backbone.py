"""Any network of timm that has feature maps as the backbone of a detector."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmdet.registry import MODELS
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from imbdet.layers.timm_network import create_features, import_timm
from imbdet.layers.timm_stages import stage_modules
from imbdet.layers.timm_weights import read_weights


@MODELS.register_module()
class TimmBackbone(BaseModule):
    """A network of timm that gives feature maps.

    Building it downloads and reads nothing: a detector is built for testing without the weights of its backbone. They come
    with ``init_weights``, which mmengine calls at the start of a training.

    Args:
        model_name: A name of ``timm.list_models()``, such as ``'resnet50'``. A tag chooses among timm's weights:
            ``'resnet50.a1_in1k'``; ``timm.list_pretrained()`` lists them.
        weights: ``'default'``, those that timm downloads, once; ``'none'``, random; or a file of a timm model, of torch or
            safetensors, with which nothing is downloaded. Files are read without running code from them.
        out_indices: Which of the features to give, ascending; negative ones count from the last. None gives those that timm
            gives, mostly all. The first feature has stride 2 in most convolutional networks, and 4 in others, such as ConvNeXt
            and Swin.
        frozen_stages: Stages that do not train. -1: none; 0: the stem; k: the stem and the first k stages. A stage ends with a
            feature of timm's ``feature_info``; the first stage is the first one with a stride of 4 or more, as in mmdet's
            ResNet. Frozen parameters get no gradient, and frozen modules stay in eval mode.
        norm_eval: Whether all batch norms stay in eval mode, so that their running statistics do not change.
        model_options: Of ``timm.create_model``, such as ``drop_path_rate=0.1``. Transformers are made for one image size:
            ``img_size=(800, 1344)`` sets another one, to which the data pipeline must bring every image. For other sizes,
            Swin takes ``strict_img_size=False``, and ViT ``dynamic_img_size=True``, with sides that are multiples of its
            patches (``pad_size_divisor`` of the data preprocessor).

    Attributes:
        out_channels: Channels of each feature, the neck's ``in_channels``.
        strides: Pixels of the image per pixel of each feature.

    Raises:
        ImportError: If timm is not installed.
        ValueError: If timm has no such model or features, or does not take the options.
    """

    def __init__(self, model_name: str, weights: str = 'default', out_indices: Sequence[int] | None = None,
                 frozen_stages: int = -1, norm_eval: bool = False, **model_options: Any):
        super().__init__()
        self.model_name = model_name
        self.weights = weights
        self.model_options = model_options
        self.feature_options: dict[str, Any] = {} if out_indices is None else {'out_indices': tuple(out_indices)}
        self.norm_eval = norm_eval
        self.network = create_features(model_name, **self.feature_options, **model_options)
        feature_info: Any = self.network.feature_info
        self.out_channels: list[int] = feature_info.channels()
        self.strides: list[int] = feature_info.reduction()
        print_log(f'TimmBackbone {model_name}: features of {self.out_channels} channels, the in_channels of the neck, at '
                  f'strides of {self.strides} pixels', logger='current')
        # Names, because a conversion to synchronized batch norms puts other modules in their places.
        self.frozen_modules = stage_modules(self.network, frozen_stages, model_name)
        for name in self.frozen_modules:
            for parameter in self.network.get_submodule(name).parameters(recurse=False):
                parameter.requires_grad_(False)

    def init_weights(self) -> None:
        """Load the weights; called by mmengine at the start of a training.

        Raises:
            FileNotFoundError: If the file of weights does not exist.
            ValueError: If the weights do not fit, or cannot be downloaded or read.
        """
        first = not self.is_init
        super().init_weights()
        if not first or self.weights == 'none':
            return
        if self.weights == 'default':
            network = self._downloaded()
        else:
            if not Path(self.weights).is_file():
                raise FileNotFoundError(f"TimmBackbone: weights={self.weights!r} is no file, nor 'default' or 'none'. A tag of "
                                        "timm's weights belongs to model_name: 'resnet50.a1_in1k'")
            state = read_weights(self.weights, self.model_name, self.model_options)
            network = self._pretrained(pretrained_cfg_overlay={'state_dict': state})
        self.network.load_state_dict(network.state_dict())

    def _downloaded(self) -> nn.Module:
        timm = import_timm()
        if not timm.models.is_model_pretrained(self.model_name):
            raise ValueError(f"timm has no weights for {self.model_name}: give a file, or weights='none'")
        try:
            return self._pretrained()
        except Exception as error:  # whatever the hub's client raises
            raise ValueError(f'the weights of {self.model_name} could not be fetched ({type(error).__name__}: {error}). Give a '
                             'file: TimmBackbone(weights=FILE)') from error

    def _pretrained(self, **source: Any) -> nn.Module:
        """Another network with timm's weights or those of a source: timm adapts them only while it builds a network."""
        return create_features(self.model_name, load=True, **source, **self.feature_options, **self.model_options)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Compute the features.

        Args:
            images: Normalized images, shape (B, 3, H, W), floating.

        Returns:
            A map of shape (B, C, H / stride, W / stride) for each of ``out_channels`` and ``strides``, sides rounded up.
        """
        features = self.network(images)
        if getattr(self.network, 'output_fmt', 'NCHW') == 'NHWC':
            features = [feature.permute(0, 3, 1, 2).contiguous() for feature in features]
        return tuple(features)

    def train(self, mode: bool = True) -> 'TimmBackbone':
        """Switch to training mode, but for what is frozen and, with ``norm_eval``, the batch norms.

        Args:
            mode: False for eval mode.

        Returns:
            The backbone.

        Raises:
            ValueError: If a conversion to synchronized batch norms has dropped activations of timm's.
        """
        super().train(mode)
        for name, module in self.network.named_modules():
            if _has_lost_activation(module):
                raise ValueError(f'TimmBackbone: {name} of {self.model_name} is a batch norm with an activation, which sync_bn '
                                 'has dropped; train without sync_bn')
            if name in self.frozen_modules or (self.norm_eval and isinstance(module, _BatchNorm)):
                module.training = False
        return self


def _has_lost_activation(module: nn.Module) -> bool:
    """Whether it was one of timm's batch norms with an activation, which torch's conversion keeps but does not call."""
    return type(module) is nn.SyncBatchNorm and not isinstance(getattr(module, 'act', nn.Identity()), nn.Identity)
