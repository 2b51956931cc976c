"""Settings are checked where their values are known, and named with what was expected."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import checks

ONES = (
    1,
    1.0,
    True,
    np.int64(1),
    np.uint8(1),
    np.float16(1),
    np.float64(1),
    np.bool_(True),
    np.asarray(1),
    jnp.asarray(1),
    jnp.asarray(1, jnp.bfloat16),
)
NOT_NUMBERS = (
    "1",
    None,
    1j,
    np.complex64(1),
    [1, [2]],
    object(),
    {},
    b"1",
    np.str_("1"),
)


@pytest.mark.parametrize("one", ONES, ids=lambda v: f"{type(v).__name__}-{v!r}")
def test_a_number_is_one_by_value_and_not_by_its_type(one):
    checks.number("beta", one, 0, 1)
    with pytest.raises(
        ValueError, match=r"`beta` must be at least 2; got (1|1.0|True)\."
    ):
        checks.number("beta", one, 2)


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=lambda v: type(v).__name__)
def test_what_is_no_real_number_is_named(value):
    with pytest.raises(TypeError, match="`beta` must be a real number; got"):
        checks.in_range("beta", value)


def test_a_key_is_no_number():
    with pytest.raises(TypeError, match="`beta` must be a real number"):
        checks.in_range("beta", jax.random.key(0))


@pytest.mark.parametrize(
    ("ends", "inside", "outside", "words"),
    [
        ({}, (-math.inf, 0, math.inf), (math.nan,), "a number"),
        (
            {"low_open": True, "high_open": True},
            (-1e300,),
            (math.inf, -math.inf),
            "finite",
        ),
        ({"low": 0}, (0, math.inf), (-1e-300, math.nan), "at least 0"),
        ({"low": 0, "low_open": True}, (1e-300,), (0, -0.0), "above 0"),
        ({"low": 0, "high_open": True}, (0,), (math.inf,), "at least 0 and finite"),
        ({"high": 2}, (2, -math.inf), (2.001,), "at most 2"),
        ({"high": 2, "high_open": True}, (1.999,), (2,), "below 2"),
        ({"high": 2, "low_open": True}, (2,), (-math.inf,), "at most 2 and finite"),
        ({"low": 0, "high": 1}, (0, 1), (-0.1, 1.1, math.nan), "from 0 to 1"),
        ({"low": 0, "high": 1, "low_open": True}, (1,), (0,), "above 0 and at most 1"),
        (
            {"low": -1, "high": 1, "low_open": True, "high_open": True},
            (0,),
            (-1, 1),
            "above -1 and below 1",
        ),
    ],
)
def test_ranges_hold_at_their_ends_and_say_what_they_are(ends, inside, outside, words):
    for value in inside:
        checks.in_range("x", value, **ends)
    for value in outside:
        with pytest.raises(ValueError, match=f"`x` must be {words}; got "):
            checks.in_range("x", value, **ends)


def test_of_an_array_the_first_that_is_wrong_is_named():
    with pytest.raises(ValueError, match=r"at least 0; got -2\.0\."):
        checks.in_range("x", np.array([1.0, -2.0, -3.0]), 0)


def test_a_traced_value_passes_and_its_shape_does_not():
    def traced(x):
        checks.number("x", x, 0)
        return x

    assert jax.eval_shape(traced, -1.0).shape == ()
    with pytest.raises(
        ValueError, match=r"`x` must be one number; got .* shape \(3,\)"
    ):
        jax.eval_shape(traced, jnp.ones(3))
    # what a traced function closes over is known
    known = jnp.asarray(-1.0)
    with pytest.raises(ValueError, match="at least 0; got -1"):
        jax.eval_shape(lambda: traced(known))


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), jnp.asarray(3)])
def test_whole_numbers_of_every_kind_become_pythons(value):
    assert type(checks.whole("n", value, 1, 3)) is int


@pytest.mark.parametrize(
    "value",
    [2.5, 2.0, np.float32(2), True, np.bool_(True), "2", None, jnp.ones(2, int)],
)
def test_what_is_no_whole_number_is_named(value):
    with pytest.raises(TypeError, match="`n` must be a whole number; got"):
        checks.whole("n", value, 0)


def test_whole_numbers_have_ranges():
    with pytest.raises(ValueError, match="`n` must be at least 1; got 0"):
        checks.whole("n", 0, 1)
    with pytest.raises(ValueError, match="`n` must be from 1 to 4; got 5"):
        checks.whole("n", 5, 1, 4)


def test_a_traced_whole_number_is_told_what_to_do():
    with pytest.raises(TypeError, match="`n` must be known when .* is traced"):
        jax.eval_shape(lambda n: n + checks.whole("n", n, 1), 1)


@pytest.mark.parametrize("value", ["c", None, 1, ["a"], np.array(["a", "b"])])
def test_words_that_are_not_allowed_are_named(value):
    checks.option("mode", "a", ("a", "b"))
    with pytest.raises(ValueError, match="`mode` must be one of 'a', 'b'; got"):
        checks.option("mode", value, ("a", "b"))


def test_two_settings_are_in_order_where_both_are_known():
    checks.ordered("low", 1, "high", np.float32(1))
    checks.ordered("low", np.array([1, 2]), "high", 2)
    with pytest.raises(ValueError, match=r"`low` must be at most `high`, 2.0; got 3.0"):
        checks.ordered("low", np.array([[1], [3]]), "high", jnp.array([2, 9]))
    with pytest.raises(ValueError, match=r"`low` must be below `high`, 1.0; got 1.0"):
        checks.ordered("low", 1, "high", 1, strictly=True)
    with pytest.raises(ValueError, match="got nan"):
        checks.ordered("low", math.nan, "high", 1)

    def traced(high):
        checks.ordered("low", 2, "high", high)
        return high

    assert jax.eval_shape(traced, 1.0).shape == ()
