"""Intervals and masks against brute force."""

import jax
import numpy as np
import pytest
from compiled import Counted

from vae_jax.models import _masks
from vae_jax.vae import FULL_WINDOW

NUM_PIXELS = 16
WINDOWS = [0, 1, 2, 3, 8, NUM_PIXELS - 2, NUM_PIXELS - 1, FULL_WINDOW]


def network(window, num_units=64, num_pixels=NUM_PIXELS):
    """Which pixel can reach which output through two masked layers."""
    pixels = _masks.pixels(num_pixels)
    units = _masks.hidden(num_units, num_pixels, window)
    outputs = _masks.outputs(num_pixels, window)
    read, mix = _masks.feeds(pixels, units), _masks.feeds(units, units)
    paths = np.asarray(read, int) @ np.asarray(mix, int) @ np.asarray(mix, int)
    return paths @ np.asarray(_masks.feeds(units, outputs), int) > 0


def allowed(window, num_pixels=NUM_PIXELS):
    pixel, output = np.mgrid[:num_pixels, :num_pixels]
    return (output - window <= pixel) & (pixel < output)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("num_units", [3, 15, 64, 200])
def test_no_path_leaves_the_window(window, num_units):
    assert not (network(window, num_units) & ~allowed(window)).any()


@pytest.mark.parametrize("window", WINDOWS)
def test_direct_connections_are_exactly_the_window(window):
    outputs = _masks.outputs(NUM_PIXELS, window)
    direct = _masks.feeds(_masks.pixels(NUM_PIXELS), outputs)
    np.testing.assert_array_equal(direct, allowed(window))


@pytest.mark.parametrize("window", [1, 2, 3, 8, NUM_PIXELS - 1])
def test_hidden_paths_reach_every_offset(window):
    reached = network(window)
    for offset in range(1, window + 1):
        assert np.diagonal(reached, offset).any(), offset


def test_unlimited_paths_are_all_previous_pixels():
    np.testing.assert_array_equal(network(FULL_WINDOW), allowed(NUM_PIXELS))


def test_from_the_longest_window_on_nothing_changes():
    longest = _masks.hidden(50, NUM_PIXELS, NUM_PIXELS - 1)
    np.testing.assert_array_equal(longest, _masks.hidden(50, NUM_PIXELS, FULL_WINDOW))
    assert not np.asarray(longest.low).any()


def test_reach_grows_with_the_window_and_is_a_share_of_it():
    reaches = []
    for window in range(NUM_PIXELS - 1):
        low, high = _masks.hidden(200, NUM_PIXELS, window)
        # the first pixels have fewer before them than the reach
        late = np.asarray(high) >= window
        reaches.append(np.where(late, high - low + 1, -1))
        assert reaches[-1].max() == window
        assert (reaches[-1][late] >= (window > 0)).all()
    for shorter, longer in zip(reaches, reaches[1:], strict=False):
        both = (shorter >= 0) & (longer >= 0)
        assert (shorter <= longer)[both].all()


def test_units_end_everywhere_but_at_the_last_pixel():
    high = np.asarray(_masks.hidden(200, NUM_PIXELS, 4).high)
    assert sorted(set(high)) == list(range(NUM_PIXELS - 1))


def test_a_unit_that_sees_nothing_feeds_nothing():
    units = _masks.hidden(20, NUM_PIXELS, 0)
    everything = _masks.outputs(NUM_PIXELS, FULL_WINDOW)
    assert not np.asarray(_masks.feeds(units, everything)).any()
    assert not np.asarray(_masks.feeds(units, units)).any()


def test_a_single_pixel_has_no_previous_one():
    assert not network(FULL_WINDOW, num_pixels=1).any()


def test_window_is_data():
    traced = Counted(jax.jit(lambda w: _masks.hidden(64, NUM_PIXELS, w)))
    for window in WINDOWS:
        expected = _masks.hidden(64, NUM_PIXELS, window)
        np.testing.assert_array_equal(traced(np.int32(window)), expected)
    assert traced.programs == 1
