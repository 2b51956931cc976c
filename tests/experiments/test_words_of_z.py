"""Which words z writes: positions by hand, and claims that can fail."""

import numpy as np
import pandas as pd
import pytest

from experiments import words_of_z
from experiments._claims import words_of_z as claims
from vae_jax import figures
from vae_jax.text import EOS, PAD


def test_positions_are_means_over_the_sentences_that_have_them():
    x = np.array([[7, 8, EOS, PAD], [9, EOS, PAD, PAD], [7, 8, 9, EOS]])
    nll = np.array([[1.0, 2, 3, 99], [4, 5, 99, 99], [7, 8, 9, 10]])
    found = words_of_z.by_position(nll, x)
    assert found.to_numpy().tolist() == [
        ["word", 1, 3, 4.0],
        ["word", 2, 2, 5.0],
        ["word", 3, 1, 9.0],
        ["end", 2, 1, 5.0],
        ["end", 3, 1, 3.0],
        ["end", 4, 1, 10.0],
    ]
    # what is counted adds up to all that is predicted
    assert (found["count"] * found["nll"]).sum() == nll[x != PAD].sum()


def table(first=1.0, later=0.1, end=0.5, collapsed=0.0):
    """Three arms of two seeds that save so many nats over the language model."""
    rows = []
    saved = dict.fromkeys(claims.CODED, (first, later, end))
    saved |= {"VAE": (collapsed,) * 3, "language model": (0.0,) * 3}
    for arm, own in saved.items():
        for seed, level in enumerate((6.0, 6.01)):
            for place in range(1, 11):
                nats = own[0] if place <= claims.FIRST else own[1]
                row = {"arm": arm, "seed": seed, "position": place, "count": 10}
                row |= {"language_model": level}
                rows.append(row | {"kind": "word", "nll": level - nats})
                if place > 1:
                    rows.append(row | {"kind": "end", "nll": level - own[2]})
    return pd.DataFrame(rows)


TOTALS = pd.DataFrame({"sum": [70.0, 71.0], "distortion": [70.1, 70.9]})


def failing(positions, totals=TOTALS):
    return [v.claim for v in claims.judged(positions, totals) if not v.holds]


def test_claims_of_words_can_fail():
    assert failing(table()) == []
    first = failing(table(first=0.1, later=0.2, end=0.5))
    assert len(first) == 2
    assert all("first 3 words" in claim for claim in first)
    ends = failing(table(end=0.05))
    assert len(ends) == 2
    assert all("end of a sentence" in claim for claim in ends)
    # language models of two seeds differ by 0.01
    assert failing(table(collapsed=0.009)) == []
    assert failing(table(collapsed=0.011)) == [
        "The collapsed VAE saves nothing, in any word"
    ]
    (lost,) = failing(table(), TOTALS.assign(distortion=[70.0, 73.0]))
    assert lost.startswith("The positions add up")


def test_gain_is_a_mean_over_tokens_of_each_seed():
    own = pd.DataFrame(
        {"seed": [0, 0, 1], "nll": [1.0, 2.0, 3.0], "language_model": [2.0, 2.0, 3.5]}
    ).assign(count=[1, 3, 2])
    assert claims.gain(own).tolist() == pytest.approx([0.25, 0.5])


def test_the_figure_has_every_arm_but_the_one_that_is_compared_with():
    nats, share, ends = figures.words_figure(table()).axes
    for axes in (nats, share, ends):
        names = [line.get_label() for line in axes.lines[1:]]
        assert names == [*claims.CODED, "VAE"]
    np.testing.assert_allclose(nats.lines[1].get_ydata()[:4], [1, 1, 1, 0.1])
    assert share.lines[1].get_ydata()[0] == pytest.approx(50 * (1 / 6 + 1 / 6.01))
    np.testing.assert_allclose(ends.lines[1].get_ydata(), 0.5)
