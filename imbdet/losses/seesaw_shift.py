"""How far seesaw loss shifts the logits of other classes."""

import math

from torch import Tensor


def seesaw_shift(log_scores: Tensor, labels: Tensor, samples: Tensor, p: float, q: float, eps: float) -> Tensor:
    r"""Return what seesaw loss adds to the logits (Wang et al., CVPR 2021, arXiv 2008.10032).

    .. math:: \ln S_{ij} = \ln M_{ij} + \ln F_{ij},\qquad M_{ij} = \min(1, N_j / N_i)^p,\qquad
        F_{ij} = \max(1, \sigma_j / \sigma_i)^q

    for rows of class i and other classes j: rarer ones are pushed down less, those that score higher than the own one more.

    Args:
        log_scores: Logarithm of each class's score, shape (P, C).
        labels: Class of each row, shape (P,), int64, in [0, C).
        samples: Rows of each class so far N, shape (C,); below 1 it counts as 1.
        p: Exponent of the mitigation factor M, at least 0.
        q: Exponent of the compensation factor F, at least 0.
        eps: Least score of the own class that is divided by, above 0.

    Returns:
        Shift of each logit, shape (P, C), dtype of the scores; 0 for the own class.
    """
    log_samples = samples.clamp(min=1).log().to(log_scores.dtype)
    shift = p * (log_samples[None] - log_samples[labels, None]).clamp(max=0)
    own = log_scores.gather(1, labels[:, None]).clamp(min=math.log(eps))
    return shift + q * (log_scores - own).clamp(min=0)
