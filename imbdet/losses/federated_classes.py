"""Drawing the classes that count in a step of a federated loss."""

import torch
from torch import Tensor


def draw_classes(shown: Tensor, weights: Tensor, num_kept: int, generator: torch.Generator) -> Tensor:
    """Keep the classes that a batch shows, and draw others without replacement.

    Args:
        shown: Whether the batch shows each class, shape (C,), bool.
        weights: Weight of each class, shape (C,), above 0.
        num_kept: Classes to keep together. All that are shown are kept, also if there are more.
        generator: Source of randomness.

    Returns:
        Whether each class is kept, shape (C,), bool.
    """
    kept = shown.clone()
    missing = min(num_kept, len(shown)) - int(shown.sum())
    if missing > 0:
        kept[torch.multinomial(weights.masked_fill(shown, 0), missing, generator=generator)] = True
    return kept
