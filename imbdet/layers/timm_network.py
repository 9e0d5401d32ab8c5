"""Building a network of timm, with errors that say what to change in a config."""

from types import ModuleType
from typing import Any

from torch import nn


def import_timm() -> ModuleType:
    """Import timm, which imdbet does not require.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import timm
    except ImportError as error:
        raise ImportError("TimmBackbone needs timm: pip install 'imbdet[timm]'") from error
    return timm


def create_features(model_name: str, load: bool = False, **options: Any) -> nn.Module:
    """Build a network that gives a list of feature maps.

    Args:
        model_name: Of timm, with a tag of weights or without.
        load: Whether timm shall load weights into it.
        options: Of ``timm.create_model``.

    Returns:
        The network; its ``feature_info`` describes the maps.

    Raises:
        ImportError: If timm is not installed.
        ValueError: If timm has no such model, the model has no such features, or it does not take the options.
    """
    timm = import_timm()
    if not timm.is_model(model_name):
        raise ValueError(f'TimmBackbone: timm {timm.__version__} has no model {model_name!r}; timm.list_models() lists them')
    out_indices = options.get('out_indices', ())
    if list(out_indices) != sorted(set(out_indices)):
        raise ValueError(f'TimmBackbone: out_indices must ascend, got {out_indices}')
    try:
        return timm.create_model(model_name, features_only=True, pretrained=load, checkpoint_path=None, **options)
    except TypeError as error:
        raise ValueError(f'TimmBackbone: timm does not take the options for {model_name} ({error}). A config that inherits '
                         'another backbone needs _delete_=True') from error
    except Exception as error:  # timm's models raise several
        if load:  # an error about the weights
            raise
        raise ValueError(f'TimmBackbone: timm gives no features of {model_name} with {options} ({type(error).__name__}: '
                         f'{error}). Choose other out_indices, or a model with which timm.create_model(NAME, '
                         'features_only=True) works') from error
