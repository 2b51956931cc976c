"""What a record may know of the data when it makes its part."""

from typing import NamedTuple


class Facts(NamedTuple):
    """Of a data set.

    Attributes:
        event_shape: of one example.
        max_value: its largest level or token.
        num_examples: to train on.
        mean_total: of counts, the mean of the sums of the examples to train on.
        kind: what its numbers are; see `data.Kind`.
        num_labels: labels of its examples; 0 where any has none.
        num_covariates: numbers of the vector of covariates of each; 0 without.

    >>> Facts((8, 8), 16, 1200).max_value
    16
    """

    event_shape: tuple[int, ...]
    max_value: int
    num_examples: int
    mean_total: float = 0.0
    kind: str = "levels"
    num_labels: int = 0
    num_covariates: int = 0
