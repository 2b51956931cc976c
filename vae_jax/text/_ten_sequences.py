"""The smallest data set on which schedules differ: ten sequences of ten bits."""

import numpy as np

from vae_jax.text._text_set import TextSet
from vae_jax.text._tokenizer import SPECIALS
from vae_jax.tokens import BOS, EOS

NUM_SEQUENCES = 10


def ten_sequences() -> TextSet:
    """Sequence n has a single 1, at place n; 0 has the id 4 and 1 the id 5.

    With BOS and EOS that is `(10, 12)`, of 6 ids. The entropy of the set is log 10 =
    2.302585 nats, EOS included since it is certain: `distortion + rate >= log 10` for
    every VAE, and schedules differ only in where on that line they end. The bits are
    `tokens[:, 1:-1] - 4`.

    Fu, Li, Liu, Gao, Celikyilmaz and Carin (2019), "Cyclical annealing schedule",
    arXiv:1903.10145, its toy experiment; that each has a single 1 is our reading of it.

    >>> ten_sequences().tokens[1].tolist()
    [2, 4, 5, 4, 4, 4, 4, 4, 4, 4, 4, 3]
    """
    bits = np.eye(NUM_SEQUENCES, dtype=np.int32)
    framed = np.pad(bits + len(SPECIALS), ((0, 0), (1, 1)))
    framed[:, 0], framed[:, -1] = BOS, EOS
    lengths = np.full(NUM_SEQUENCES, framed.shape[1], np.int32)
    return TextSet(framed, lengths)
