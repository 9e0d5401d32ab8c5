"""LogN: class logits normalized by their own mean and deviation on training images."""

from typing import NamedTuple

from mmengine.dist import all_reduce
from torch import Tensor


class LogitStatistics(NamedTuple):
    """Sums over all logits that a layer gave, from which mean and variance follow.

    Attributes:
        rows: Number of rows, shape (), float64.
        mean: Mean of each logit, shape (K,), float64.
        squares: Sum of the squared differences from the mean, shape (K,), float64.
    """

    rows: Tensor
    mean: Tensor
    squares: Tensor

    @classmethod
    def of(cls, logits: Tensor) -> 'LogitStatistics':
        """Compute the statistics of rows of logits.

        Args:
            logits: Shape (n, K).

        Returns:
            Their statistics, on the device of the logits; zeros without rows.
        """
        values = logits.detach().double()
        if not len(values):
            return cls(values.new_zeros(()), values.new_zeros(values.shape[1]), values.new_zeros(values.shape[1]))
        mean = values.mean(0)
        return cls(values.new_tensor(len(values)), mean, (values - mean).square().sum(0))

    def __add__(self, other: 'LogitStatistics') -> 'LogitStatistics':  # type: ignore[override]
        """Join the statistics of two sets of rows, exactly (Chan et al. 1979: no large sums are subtracted)."""
        rows = self.rows + other.rows
        share = other.rows / rows.clamp(min=1)
        difference = other.mean - self.mean
        return LogitStatistics(rows, self.mean + difference * share,
                               self.squares + other.squares + difference.square() * self.rows * share)

    def all_reduce(self) -> 'LogitStatistics':
        """Return the statistics of the rows of all ranks, the same on each of them."""
        rows = self.rows.clone()
        all_reduce(rows)
        mean = self.mean * self.rows / rows.clamp(min=1)
        all_reduce(mean)
        squares = self.squares + self.rows * (self.mean - mean).square()
        all_reduce(squares)
        return LogitStatistics(rows, mean, squares)

    @property
    def variance(self) -> Tensor:
        """Variance of each logit, shape (K,), float64: divided by the number of rows, as batch norm does to normalize."""
        return self.squares / self.rows.clamp(min=1)


def logn(statistics: LogitStatistics, has_background: bool, eps: float = 1e-11) -> tuple[Tensor, Tensor]:
    r"""Scale and shift that normalize the class logits.

    .. math:: z'_c = \frac{z_c - (\mu_c - \beta)}{\sigma_c}, \qquad \beta = \min_j \mu_j

    (LogN, Zhao et al., arXiv 2203.17020.) Mean and deviation are those of the logits of all regions that the detector samples
    in training, so that no class counts are needed. The background, which comes last, is left alone.

    Args:
        statistics: Of the logits, K = C or, with a background, C + 1.
        has_background: Whether the last logit is that of the background.
        eps: Least variance, above 0.

    Returns:
        Scale :math:`1 / \sigma_c` and shift :math:`-(\mu_c - \beta) / \sigma_c` of :math:`z' = scale \cdot z + shift`, both of
        shape (C,), float64: without the background.

    Raises:
        ValueError: If the statistics are of no rows.
    """
    if not statistics.rows:
        raise ValueError('LogN needs the logits of at least one region, got none')
    classes = slice(-1) if has_background else slice(None)
    mean, scale = statistics.mean[classes], statistics.variance[classes].clamp(min=eps).rsqrt()
    return scale, (mean.min() - mean) * scale
