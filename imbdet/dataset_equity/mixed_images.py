"""Finding transforms that make one image out of several."""

from typing import Any

from imbdet.data.wrappers import walk_dataset


def multi_image_transforms(dataset: Any) -> list[str]:
    """List the transforms of a data set's pipelines that mix in other images.

    Args:
        dataset: A data set, also a wrapper around others.

    Returns:
        Names such as ``'Mosaic'``, each once: mmdet's Mosaic, MixUp and CopyPaste, their cached versions, and any other
        that asks mmdet for further images by ``get_indexes``.
    """
    return sorted({type(part).__name__ for part in walk_dataset(dataset) if hasattr(part, 'get_indexes')})
