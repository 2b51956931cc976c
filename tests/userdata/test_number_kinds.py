"""What numbers are: found out from them, or as the user says."""

import numpy as np
import pytest

from vae_jax.userdata import from_arrays
from vae_jax.userdata._dataset import Raw, as_dataset
from vae_jax.userdata._kinds import as_stored, fitted, found_kind

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("examples", "kind"),
    [
        (np.array([[True, False]]), "levels"),
        (np.array([[0.0, 1.0]]), "levels"),
        (np.array([[0, 200]], np.uint8), "levels"),
        (np.full((1, 2, 2), 200.0), "levels"),
        (np.full((1, 2, 2), 300), "counts"),
        (np.array([[0, 7]]), "counts"),
        (np.array([[0.0, 7.0]], np.float32), "counts"),
        (np.array([[0.0, 0.5]]), "unit"),
        (np.array([[0.0, 1.5]]), "real"),
        (np.array([[-1, 1]]), "real"),
    ],
)
def test_what_numbers_are(examples, kind):
    assert found_kind("mine", [examples]) == kind


@pytest.mark.parametrize(
    ("kind", "examples", "dtype", "largest"),
    [
        ("levels", np.array([[0.0, 1.0]]), np.uint8, 1),
        ("levels", np.array([[0, 254]]), np.uint8, 255),
        ("unit", np.array([[0.0, 0.25]]), np.float32, 1),
        ("real", np.array([[3, -2]]), np.float32, 1),
        ("counts", np.array([[0.0, 60_000.0]]), np.uint16, 60_000),
        ("counts", np.array([[0, 70_000]]), np.int32, 70_000),
    ],
)
def test_they_are_stored_whole(kind, examples, dtype, largest):
    stored = as_stored("mine", [examples], values=kind)
    assert (stored.parts[0].dtype, stored.max_value) == (dtype, largest)
    np.testing.assert_array_equal(stored.parts[0], examples)


@pytest.mark.parametrize(
    ("examples", "options", "message"),
    [
        ([[0.0, 2.0]], {"values": "unit"}, r"from 0 to 1; got 0 to 2.*value_range"),
        ([[0.5, 2.0]], {"values": "levels"}, "whole numbers from 0 to 255; got broken"),
        ([[0, 300]], {"values": "levels"}, "got 0 to 300"),
        ([[0, 100]], {"values": "levels"}, "which level stands for 1; got 100"),
        ([[0.5, 2.0]], {"values": "counts"}, "Were they normalised"),
        ([[-1, 2]], {"values": "counts"}, "from 0 to 2.24; got -1 to 2"),
        ([[0, 2**30]], {"values": "counts"}, "from 0 to 2.24"),
        ([[1e300, 0.0]], {"values": "real"}, "must fit into float32"),
        (
            [[0.0, 5.0]],
            {"value_range": (0.0, 1.0)},
            "must hold all numbers of mine, 0 to",
        ),
        ([[0.0, 5.0]], {"value_range": (1.0, 0.0)}, "two numbers, the lower first"),
        ([[0.0, 5.0]], {"value_range": (1.0,)}, "two numbers, the lower first"),
        (
            [[0.0, 5.0]],
            {"value_range": (0.0, 9.0), "values": "real"},
            "`value_range` is for data_values='unit'; got data_values='real'",
        ),
        (
            [[0, 5]],
            {"max_value": 5, "values": "counts"},
            "`max_value` is for data_values='levels'",
        ),
    ],
)
def test_other_numbers_than_said_are_refused(examples, options, message):
    with pytest.raises(ValueError, match=message):
        as_stored("mine", [np.array(examples)], **options)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([[0.0, np.nan]], r"finite; got nan in example 0 at \(1,\)"),
        ([[0.0, np.inf]], "finite; got inf"),
        ([["a", "b"]], "real numbers; got <U1"),
        ([[1j, 0.0]], "real numbers; got complex128"),
        ([1.0, 2.0], r"at least two axes.*got the shape \(2,\)"),
        (np.zeros((0, 3)), r"got the shape \(0, 3\)"),
    ],
)
def test_what_are_no_finite_numbers_are_refused(examples, message):
    with pytest.raises(ValueError, match=message):
        as_dataset("mine", Raw({"all": np.array(examples)}, {}))


def test_a_range_becomes_that_from_0_to_1():
    stored = as_stored("mine", [np.array([[-1.0, 1.0, 0.0]])], value_range=(-1.0, 1.0))
    np.testing.assert_array_equal(stored.parts[0], [[0.0, 1.0, 0.5]])
    assert stored.kind == "unit"


def test_a_level_that_stands_for_1_is_as_said():
    stored = as_stored("mine", [np.array([[0, 7]])], max_value=100)
    assert stored[1:] == (100, "levels")


def test_features_are_standardised_by_training():
    train, test = RNG.normal(5, 3, (200, 4)), RNG.normal(5, 3, (50, 4))
    made = [fitted(train, []).taken(part) for part in (train, test)]
    np.testing.assert_allclose(made[0].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(made[0].std(axis=0), 1, atol=1e-6)
    expected = (test - train.mean(axis=0)) / train.std(axis=0)
    np.testing.assert_allclose(made[1], expected, rtol=1e-5)


def test_a_constant_feature_is_named():
    train = np.c_[np.ones(5), np.arange(5.0)]
    with pytest.raises(ValueError, match="1 that are constant in training.* 'height'"):
        fitted(train, ["height", "weight"])


def test_features_that_no_scale_fits_are_said():
    x = RNG.normal(size=(100, 3)) * [1.0, 1.0, 500.0]
    with pytest.warns(
        UserWarning, match="standard deviations of the features of arrays"
    ):
        from_arrays(x)
    assert from_arrays(x, standardize=True).holds == "real"


def test_settings_that_contradict_are_refused():
    x = RNG.normal(size=(100, 3))
    with pytest.raises(ValueError, match="`standardize` makes real numbers"):
        from_arrays(x, standardize=True, values="unit")
