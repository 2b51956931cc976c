"""Ten sequences, written out."""

import numpy as np

from vae_jax import text

BITS = """\
1000000000
0100000000
0010000000
0001000000
0000100000
0000010000
0000001000
0000000100
0000000010
0000000001
"""


def test_they_are_these():
    ten = text.ten_sequences()
    assert ten.tokens.dtype == ten.lengths.dtype == np.int32
    for row, line in zip(ten.tokens, BITS.split(), strict=True):
        assert row.tolist() == [text.BOS, *(4 + int(bit) for bit in line), text.EOS]
    assert ten.lengths.tolist() == [12] * 10


def test_the_best_model_of_all_targets_pays_log_ten():
    """Count what follows each prefix: the chain rule's NLL of a sequence, EOS included."""
    tokens = [tuple(row) for row in text.ten_sequences().tokens.tolist()]
    for row in tokens:
        nll = 0.0
        for t in range(1, len(row)):
            same = [other for other in tokens if other[:t] == row[:t]]
            nll -= np.log(np.mean([other[t] == row[t] for other in same]))
        np.testing.assert_allclose(nll, np.log(10), rtol=1e-14)


def test_it_is_a_set_that_batches_take():
    (batch,) = text.bucketed_batches(0, text.ten_sequences(), 10, [12])
    assert batch.mask.sum() == 110
