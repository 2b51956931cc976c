"""Free bits: every meaning against loops in numpy, its gradients against differences."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import losses

# the rows of the table in the module, by name
ROWS = {
    "kingma": {"over": "unit", "mean": "batch", "rule": "max"},
    "each unit": {"over": "unit", "mean": "example", "rule": "max"},
    "total": {"over": "total", "mean": "example", "rule": "max"},
    "total, masked": {"over": "total", "mean": "example", "rule": "mask"},
    "batch total": {"over": "total", "mean": "batch", "rule": "max"},
}
ALL = [
    dict(zip(("over", "mean", "rule"), choice, strict=True))
    for choice in itertools.product(
        ("unit", "total", "group"), ("batch", "example"), ("max", "mask")
    )
]
GROUPS = [1, 0, 1, 1]
KL = np.random.default_rng(0).gamma(0.7, 1.0, (6, 4))
HALVES = np.array([[0.0], [2.0]] * 3)  # the worked case: threshold 1


def by_loops(kl, threshold, over, mean, rule):
    """What a reader of the table would write down, example by example."""
    members = {"unit": [[0], [1], [2], [3]], "total": [[0, 1, 2, 3]]}
    sets = members.get(over, [[1], [0, 2, 3]])
    charged = []
    for row in kl:
        total = 0.0
        for units in sets:
            seen = [float(sum(other[units])) for other in kl]
            level = float(np.mean(seen)) if mean == "batch" else sum(row[units])
            if level > threshold:
                total += level
            elif rule == "max":
                total += threshold
        charged.append(total)
    return np.array(charged)


@partial(jax.jit, static_argnames=("over", "mean", "rule", "groups"))
def with_slopes(kl, threshold, groups=None, **options):
    """The charge, and the slope of its batch mean in the KL and the threshold."""

    def charge(kl, threshold):
        groups_list = None if groups is None else list(groups)
        return losses.free_bits(kl, threshold, groups=groups_list, **options)

    slopes = jax.grad(lambda *args: charge(*args).mean(), (0, 1))(kl, threshold)
    return charge(kl, threshold), *slopes


def run(kl, threshold, options):
    groups = tuple(GROUPS) if options["over"] == "group" else None
    return with_slopes(np.float32(kl), np.float32(threshold), groups, **options)


@pytest.mark.parametrize("options", ALL, ids=lambda options: "-".join(options.values()))
def test_value_and_gradient_of_every_meaning(options):
    for threshold in (0.3, 0.9, 2.5):
        value, in_kl, in_threshold = run(KL, threshold, options)
        expected = by_loops(KL, threshold, **options)
        np.testing.assert_allclose(value, expected, rtol=1e-5)
        # central differences in float64: piecewise linear, so exact off the corners
        for i, j in np.ndindex(KL.shape):
            step = np.zeros_like(KL)
            step[i, j] = 1e-6
            up, down = (by_loops(KL + s, threshold, **options) for s in (step, -step))
            slope = (up.mean() - down.mean()) / 2e-6
            assert float(in_kl[i, j]) == pytest.approx(slope, abs=1e-6)
        up, down = (by_loops(KL, threshold + s, **options) for s in (1e-6, -1e-6))
        assert float(in_threshold) == pytest.approx(
            (up.mean() - down.mean()) / 2e-6, abs=1e-6
        )


@pytest.mark.parametrize(
    ("name", "charge", "slopes"),
    [
        ("kingma", 1.0, [0.0, 0.0]),
        ("each unit", 1.5, [0.0, 1.0]),
        ("total", 1.5, [0.0, 1.0]),
        ("total, masked", 1.0, [0.0, 1.0]),
        ("batch total", 1.0, [0.0, 0.0]),
    ],
)
def test_half_collapsed_half_two_nats(name, charge, slopes):
    value, in_kl, _ = run(HALVES, 1.0, ROWS[name])
    assert float(value.mean()) == charge
    np.testing.assert_allclose(6 * in_kl[:2, 0], slopes, rtol=1e-6)


def test_the_mask_jumps_and_the_floor_does_not():
    kl = np.array([[1 - 1e-6], [1.0], [1 + 1e-6]] * 2)
    masked, masked_slope, _ = run(kl, 1.0, ROWS["total, masked"])
    floored, floored_slope, _ = run(kl, 1.0, ROWS["total"])
    np.testing.assert_allclose(masked[:3], [0, 0, 1], rtol=2e-6)
    np.testing.assert_allclose(floored[:3], [1, 1, 1], rtol=2e-6)
    # and yet they have one gradient, also on the corner
    np.testing.assert_array_equal(masked_slope, floored_slope)
    np.testing.assert_allclose(6 * floored_slope[:3, 0], [0, 0, 1], rtol=1e-6)


@pytest.mark.parametrize("options", ALL, ids=lambda options: "-".join(options.values()))
def test_threshold_zero_is_the_plain_rate(options):
    """Also where units are exactly collapsed: a sweep's plain arm is its row 0."""
    kl = KL * (np.arange(4) > 1)
    value, in_kl, _ = run(kl, 0.0, options)
    expected = kl.sum(axis=1)
    if options["mean"] == "batch":
        expected = np.full(6, expected.mean())
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(in_kl, np.full((6, 4), 1 / 6), rtol=1e-6)


@pytest.mark.parametrize("options", ALL, ids=lambda options: "-".join(options.values()))
def test_a_kl_that_is_not_a_number_is_not_free(options):
    value, _, _ = run(np.where(KL.max() == KL, np.nan, KL), 100.0, options)
    assert np.isnan(value).any()


def test_padded_examples_do_not_count():
    options = ROWS["kingma"]
    padded = np.concatenate([KL, 1e6 * np.ones((2, 4))])
    weights = np.array([1.0] * 6 + [0.0] * 2)
    penalty = jax.jit(partial(losses.free_bits, threshold=0.6, **options))
    found = penalty(padded, weights=weights)
    np.testing.assert_allclose(found[:6], by_loops(KL, 0.6, **options), rtol=1e-5)


@pytest.mark.parametrize("name", ["kingma", "batch total"])
@pytest.mark.parametrize("weights", [[1.0] * 6, [1.0, 1, 1, 1, 0, 0]])
def test_the_batch_mean_is_that_of_all_devices(name, weights):
    """Three devices, the last one full of padding: values and both kinds of gradient."""
    kl, shares = np.float32(KL), np.array(weights)
    split = kl.reshape(3, 2, 4), shares.reshape(3, 2)
    penalty = partial(losses.free_bits, threshold=0.6, **ROWS[name])

    def local(kl, weights):
        return penalty(kl, weights=weights, axis_name="devices")

    def step(kl, weights):
        """As in training: a gradient on each device, whose mean is taken."""
        slope = jax.grad(lambda kl: local(kl, weights).mean())(kl)
        return local(kl, weights), slope / 3

    value, slope = jax.jit(jax.vmap(step, axis_name="devices"))(*split)
    expected, expected_slope = jax.jit(
        jax.value_and_grad(lambda kl: penalty(kl, weights=shares).mean())
    )(kl)
    np.testing.assert_allclose(value.ravel(), np.full(6, expected), rtol=1e-6)
    np.testing.assert_allclose(slope.reshape(6, 4), expected_slope, rtol=1e-5)


def test_thresholds_of_a_sweep_are_one_program():
    thresholds = np.float32([0.0, 0.3, 5.0])
    options = ROWS["each unit"]
    penalty = partial(losses.free_bits, **options)
    swept = jax.jit(jax.vmap(penalty, in_axes=(None, 0)))(KL, thresholds)
    for row, threshold in zip(swept, thresholds, strict=True):
        np.testing.assert_allclose(row, by_loops(KL, threshold, **options), rtol=1e-5)


def test_groups_are_summed_exactly_at_any_matmul_precision():
    """A TPU would round the KL to bfloat16 on the way, were it a product of the model."""
    penalty = partial(losses.free_bits, over="group", groups=GROUPS, rule="max")
    lowered = jax.jit(partial(penalty, threshold=0.3, mean="example")).lower(KL)
    products = [
        line for line in lowered.as_text().splitlines() if "dot_general" in line
    ]
    assert all("HIGHEST" in line for line in products)


def test_half_precision_is_summed_in_float32():
    # bfloat16 has no 301
    value, _, _ = with_slopes(jnp.ones((1, 301), jnp.bfloat16), 0.5, **ROWS["total"])
    assert value.tolist() == [301.0]


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"over": "units"},
            "`over` must be one of 'unit', 'total', 'group'; got 'unit",
        ),
        ({"mean": "none"}, "`mean` must be one of 'batch', 'example'; got 'none'"),
        ({"rule": "min"}, "`rule` must be one of 'max', 'mask'; got 'min'"),
        ({"groups": [0, 0, 0, 0]}, r"only then; got over='unit' and groups=\[0, 0, 0"),
        ({"over": "group"}, "only then; got over='group' and groups=None"),
        ({"over": "group", "groups": [0, 1]}, r"each of the 4 units .*; got \[0, 1\]"),
        ({"over": "group", "groups": [0, 2, 2, 0]}, "from 0 without a gap; got"),
        ({"over": "group", "groups": [-1, 0, 0, 1]}, "from 0 without a gap; got"),
        ({"weights": np.ones(4)}, r"shape of the batch, \(6,\); got \(4,\)"),
    ],
)
def test_refuses_what_has_no_meaning(changes, said):
    with pytest.raises(ValueError, match=said):
        losses.free_bits(KL, 1.0, **(ROWS["kingma"] | changes))


@pytest.mark.usefixtures("users_view")
def test_refuses_a_kl_without_its_units():
    with pytest.raises(ValueError, match=r"shape \(batch, latent\); got \(6,\)"):
        losses.free_bits(KL[:, 0], 1.0, **ROWS["kingma"])


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("name", ["each unit", "total", "total, masked"])
def test_one_example_by_itself_is_charged_as_in_its_batch(name):
    penalty = partial(losses.free_bits, threshold=0.6, **ROWS[name])
    kl = np.float32(KL)
    np.testing.assert_array_equal(jax.vmap(penalty)(kl), penalty(kl))
    assert penalty(kl[0]).shape == ()


@pytest.mark.usefixtures("users_view")
def test_one_example_has_its_batch_by_the_name_of_the_axis():
    kl = np.float32(KL)
    for options in (ROWS["kingma"], ROWS["batch total"]):
        penalty = partial(losses.free_bits, threshold=0.6, **options)
        alone = jax.vmap(partial(penalty, axis_name="batch"), axis_name="batch")
        np.testing.assert_allclose(alone(kl), penalty(kl), rtol=1e-6)
        weights = np.float32([1, 1, 1, 1, 0, 0])
        weighed = jax.vmap(
            lambda kl, w, own=penalty: own(kl, weights=w, axis_name="batch"),
            axis_name="batch",
        )
        np.testing.assert_allclose(
            weighed(kl, weights), penalty(kl, weights=weights), rtol=1e-6
        )


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weights": np.ones(6)}, "`weights` changes nothing with mean='example'"),
        ({"axis_name": "devices"}, "`axis_name` changes nothing with mean='example'"),
    ],
)
def test_refuses_what_no_mean_over_a_batch_reads(options, said):
    with pytest.raises(ValueError, match=said):
        losses.free_bits(KL, 1.0, **(ROWS["each unit"] | options))


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("threshold", [-2, np.nan, np.ones(4), np.ones((6, 1))])
def test_refuses_a_threshold_that_is_no_number_of_nats(threshold):
    with pytest.raises(ValueError, match="`threshold` must be"):
        losses.free_bits(KL, threshold, **ROWS["kingma"])


@pytest.mark.usefixtures("users_view")
def test_refuses_groups_that_are_no_whole_numbers():
    options = ROWS["kingma"] | {"over": "group", "groups": [0.5, 0, 0, 1]}
    with pytest.raises(ValueError, match=r"`groups` must give .*got \[0.5, 0, 0, 1\]"):
        losses.free_bits(KL, 1.0, **options)
