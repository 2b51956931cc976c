"""What is refused before a run is compiled: values that no training could be blamed for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import remedies, training
from vae_jax.records import CHOICES
from vae_jax.training import Hyper, Splits
from vae_jax.vae import Knobs

ROW = np.linspace(0, 1, 5, dtype=np.float32)
HYPER = Hyper(beta=ROW, learning_rate=ROW)
assert remedies.Remedy, "they are entered where they are imported"
CAPACITY = CHOICES["remedy"]["capacity_weight"]


@pytest.mark.parametrize("name", ["beta", "learning_rate"])
def test_a_row_shorter_than_the_run_is_refused(name):
    hyper = HYPER._replace(**{name: ROW[:4]})
    training.check_hyper(hyper, 4)
    with pytest.raises(ValueError, match=rf"`{name}` must .* 5 steps; got .*\(4,\)"):
        training.check_hyper(hyper, 5)


def held(num_steps):
    """A remedy that has a row, as many steps long."""
    return (CAPACITY(1.0, capacity=5.0).on_device(num_steps),)


def test_a_row_of_a_record_shorter_than_the_run_is_refused():
    hyper = HYPER._replace(settings=held(4))
    training.check_hyper(hyper, 4)
    with pytest.raises(ValueError, match=r"`capacity` must .*\(4,\)"):
        training.check_hyper(hyper, 5)


def test_one_number_holds_for_every_step_and_a_longer_row_has_enough():
    hyper = Hyper(beta=np.float32(2.0), learning_rate=1e-3, settings=held(9))
    training.check_hyper(hyper, 5)
    with pytest.raises(ValueError, match=r"`beta` must be one number .*\(1, 5\)"):
        training.check_hyper(HYPER._replace(beta=ROW[None]), 5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_setting_that_is_not_finite_is_named_with_its_step(value):
    row = ROW.copy()
    row[3] = value
    with pytest.raises(
        ValueError, match=f"`beta` must be finite; got {value} at step 3"
    ):
        training.check_hyper(HYPER._replace(beta=row), 5)
    knobs = Knobs(variance=np.float32(value))
    with pytest.raises(ValueError, match=rf"`knobs.variance` must .* got {value}\."):
        training.check_hyper(HYPER._replace(knobs=knobs), 5)


@pytest.mark.parametrize("split", Splits._fields)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_missing_value_in_the_data_is_named_with_its_index(split, value):
    arrays = {name: np.zeros((6, 2, 2), np.float32) for name in Splits._fields}
    training.check_splits(Splits(**arrays))
    arrays[split][4, 1, 0] = value
    expected = rf"`{split}` must be finite; got {value} at index \(4, 1, 0\)"
    with pytest.raises(ValueError, match=expected):
        training.check_splits(Splits(**arrays))


def test_integers_keys_and_what_is_not_known_yet_pass():
    images, nothing = np.zeros((3, 2), np.uint8), None
    training.check_splits(Splits(images, images, nothing))
    training.check_splits({"key": jax.random.key(0), "half": jnp.ones(2, jnp.bfloat16)})

    @jax.jit
    def traced(row):
        training.check_hyper(HYPER._replace(beta=row), 5)
        training.check_splits(row)
        return row

    assert np.isnan(traced(np.full(5, np.nan, np.float32))).all()


def test_bfloat16_is_looked_at_too():
    with pytest.raises(
        ValueError, match=r"`train` must be finite; got nan at index \(1,"
    ):
        training.check_splits(Splits(jnp.array([1, jnp.nan], jnp.bfloat16), np.ones(1)))
