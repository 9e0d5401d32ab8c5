"""ModalityAgnosticDetector: a detector whose features hide the modality of patches."""

from typing import Any

from mmdet.models import BaseDetector
from mmdet.registry import MODELS
from torch import Tensor

PREFIX = 'detector.'


@MODELS.register_module()
class ModalityAgnosticDetector(BaseDetector):
    """Train a detector together with a PatchModalityHead on a stage of its backbone (MiPa, arXiv 2404.18849).

    A forward hook on the backbone captures the features of the stage, so they are computed once. A test only runs the
    detector. Checkpoints of the plain detector can be loaded into this one; ``imbdet export``
    (``tools/model_converters/export_detector.py``) extracts the detector again.

    Args:
        detector: Config of the detector; its ``data_preprocessor`` becomes this one's.
        modality_head: Config of a PatchModalityHead.
        stage: Output of the backbone that the head uses, counted from 0 in its ``out_indices``.
        data_preprocessor: Config of the data preprocessor. None: the detector's.
        init_cfg: Initialization config of mmengine's BaseModule.

    Raises:
        ValueError: If the detector has no backbone, or there is no data preprocessor.

    Examples:
        >>> model = dict(type='ModalityAgnosticDetector', detector=dict(type='DINO', ...), stage=0,
        ...              modality_head=dict(type='PatchModalityHead', in_channels=192, stride=8, patch_size=4))
    """

    def __init__(self,
                 detector: dict,
                 modality_head: dict,
                 stage: int = 0,
                 data_preprocessor: dict | None = None,
                 init_cfg: Any = None) -> None:
        detector = dict(detector)
        own_preprocessor = detector.pop('data_preprocessor', None)
        data_preprocessor = data_preprocessor or own_preprocessor
        if data_preprocessor is None:
            raise ValueError("ModalityAgnosticDetector needs data_preprocessor=dict(type='MiPaDataPreprocessor', ...)")
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.detector = MODELS.build(detector)
        if not hasattr(self.detector, 'backbone'):
            raise ValueError(f'ModalityAgnosticDetector: {type(self.detector).__name__} has no backbone; use a detector with '
                             'one')
        self.modality_head = MODELS.build(modality_head)
        self.stage = stage

    def loss(self, batch_inputs: Tensor, batch_data_samples: list) -> dict:
        """Compute the detector's losses and ``loss_modality``.

        Args:
            batch_inputs: Mixed images, shape (B, 3, H, W).
            batch_data_samples: Their data samples.

        Returns:
            The losses, and ``acc_modality`` and ``modality_reversal`` for the log.

        Raises:
            ValueError: If the backbone has no such stage.
        """
        caught: list[tuple[Tensor, ...]] = []
        handle = self.detector.backbone.register_forward_hook(lambda module, inputs, outputs: caught.append(outputs))
        try:
            losses = self.detector.loss(batch_inputs, batch_data_samples)
        finally:
            handle.remove()
        stages = caught[-1]
        if not 0 <= self.stage < len(stages):
            raise ValueError(f'ModalityAgnosticDetector: stage must be one of the {len(stages)} outputs of the '
                             f'{type(self.detector.backbone).__name__} (0 to {len(stages) - 1}), got {self.stage}')
        return {**losses, **self.modality_head.loss(stages[self.stage], batch_data_samples)}

    def predict(self, batch_inputs: Tensor, batch_data_samples: list, **kwargs: Any) -> list:
        """Return the detections of the plain detector.

        Args:
            batch_inputs: Images of one modality, shape (B, 3, H, W).
            batch_data_samples: Their data samples.
            **kwargs: Passed to the detector.

        Returns:
            The data samples with ``pred_instances``.
        """
        return self.detector.predict(batch_inputs, batch_data_samples, **kwargs)

    def _forward(self, batch_inputs: Tensor, batch_data_samples: list | None = None) -> Any:
        return self.detector._forward(batch_inputs, batch_data_samples)

    def extract_feat(self, batch_inputs: Tensor) -> Any:
        """Return the features of the detector's neck.

        Args:
            batch_inputs: Images, shape (B, 3, H, W).

        Returns:
            The features, in the detector's format.
        """
        return self.detector.extract_feat(batch_inputs)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        """Also accept the weights of a plain detector, whose names have no prefix."""
        if not any(name.startswith(prefix + PREFIX) for name in state_dict):
            own = (prefix + 'modality_head.', prefix + 'data_preprocessor.')
            for name in [name for name in state_dict if name.startswith(prefix) and not name.startswith(own)]:
                state_dict[prefix + PREFIX + name.removeprefix(prefix)] = state_dict.pop(name)
        super()._load_from_state_dict(state_dict, prefix, *args)
