"""A loss that still falls is told from one that has settled, or rises as beta does."""

import numpy as np
import pandas as pd
import pytest

from vae_jax.cli._trend import falling, print_falling

RNG = np.random.default_rng(0)
STEPS = np.arange(1, 31) * 50


def history(losses, member=0):
    return pd.DataFrame({"member": member, "step": STEPS, "loss": losses})


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_no_fall(seed):
    rng = np.random.default_rng(seed)
    assert not falling(history(700 + rng.normal(scale=3.0, size=30)))


def test_a_fall_is_named_with_its_size():
    """The means of two fifths of the steps, six rows each, lie six rows apart."""
    losses = 2000 - 12.5 * np.arange(30) + RNG.normal(scale=1.0, size=30)
    found = falling(pd.concat([history(losses), history(0 * losses + 5, member=1)]))
    assert list(found) == [0]
    # six rows of 12.5 nats; the noise of two means of six is 0.6
    assert found[0] == pytest.approx(75, abs=2.4)


def test_a_rising_loss_and_a_slow_fall_are_none():
    assert not falling(history(np.linspace(10, 500, 30)))
    assert not falling(history(np.linspace(20.0, 19.0, 30)))


def test_few_rows_say_nothing(capsys):
    print_falling(history(np.linspace(900, 0, 30)).head(9))
    assert not capsys.readouterr().out
    print_falling(history(np.linspace(900, 0, 30)))
    assert "still falling" in capsys.readouterr().out
