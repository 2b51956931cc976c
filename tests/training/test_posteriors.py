"""Models whose posterior a remedy has changed."""

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import pytest

from vae_jax import configs, gaussian, likelihoods, training
from vae_jax.vae import VAE, DiagGaussian

X = linear.examples(60)
KEYS = training.example_keys(training.member_key(0), training.Stream.DROPOUT, 0, len(X))


@pytest.mark.parametrize("delta", [0.01, 0.3, 2.0])
def test_a_delta_posterior_keeps_its_rate(delta):
    vae = training.delta_posterior(linear.vae(), delta)
    posterior = vae.encode(linear.exact_params(), X, knobs=linear.KNOBS)
    kl = gaussian.kl_standard(*posterior)
    # float32 rounding of the KL, which is computed anew from mean and logvar
    assert float(kl.min()) >= delta - 1e-5 * max(delta, 1)
    assert float(kl.min()) < delta + 1e-3
    assert float(kl.max()) > delta + 0.1


def normalised(axis_name=None):
    vae = training.batch_norm_posterior(linear.vae(), linear.LATENT, 0.5, axis_name)
    params = vae.init(jax.random.key(0))
    params["batch_norm"]["shift"] = jnp.array([0.3, -0.2])
    return vae, params, linear.KNOBS


def test_batch_normalisation_is_over_the_batch_in_training():
    vae, params, knobs = normalised()
    batch = X[:20]
    mean = np.asarray(vae.encode(params, batch, key=KEYS[:20], knobs=knobs).mean)
    np.testing.assert_allclose(mean.mean(0), [0.3, -0.2], atol=1e-6)
    # float32 statistics of 20 numbers
    np.testing.assert_allclose(mean.std(0), 0.5, rtol=1e-5)
    raw = np.asarray(linear.encode(params["model"], batch).mean)
    expected = (raw - raw.mean(0)) / raw.std(0) * 0.5
    np.testing.assert_allclose(mean - mean.mean(0), expected, rtol=1e-4, atol=1e-5)


def test_raw_means_cannot_shrink_under_the_bound():
    """With the usual 1e-5 beside their variance they did, and the rate with them."""
    vae, params, knobs = normalised()
    params["model"]["encoder"] = 1e-4 * params["model"]["encoder"]
    for key in (KEYS, None):
        known = vae.calibrate(params, X, knobs=knobs)
        mean = np.asarray(vae.encode(known, X, key=key, knobs=knobs).mean)
        # epsilon of 1e-12 beside variances of about 1e-8
        np.testing.assert_allclose(mean.std(0), 0.5, rtol=1e-3)


def test_evaluation_normalises_by_the_training_set_alone():
    vae, params, knobs = normalised()
    params = vae.calibrate(params, X, knobs=knobs)
    known = params["batch_norm"]
    raw = np.asarray(linear.encode(params["model"], X).mean, np.float64)
    np.testing.assert_allclose(known["mean"], raw.mean(0), atol=1e-6)
    np.testing.assert_allclose(known["variance"], raw.var(0), rtol=1e-5)
    together = vae.encode(params, X[:7], knobs=knobs).mean
    alone = [vae.encode(params, X[i : i + 1], knobs=knobs).mean[0] for i in range(7)]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    whole = np.asarray(vae.encode(params, X, knobs=knobs).mean)
    np.testing.assert_allclose(whole.std(0), 0.5, rtol=1e-4)


def test_devices_normalise_over_the_whole_batch():
    vae, params, knobs = normalised()
    whole = vae.encode(params, X, key=KEYS, knobs=knobs).mean
    split_vae, *_ = normalised("devices")
    parts = jax.vmap(
        lambda x, key: split_vae.encode(params, x, key=key, knobs=knobs).mean,
        axis_name="devices",
    )(X.reshape(3, 20, -1), KEYS.reshape(3, 20))
    np.testing.assert_allclose(parts.reshape(whole.shape), whole, atol=1e-6)


def test_a_program_keeps_and_evaluates_calibrated_parameters():
    vae, params, knobs = normalised()
    calibrate = training.make_calibrate(vae, lambda keys, images: 2 * images, 16)
    found = calibrate(params, training.member_key(0), knobs, X)
    expected = vae.calibrate(params, jnp.asarray(2 * X), knobs=knobs)
    for name in ("mean", "variance", "shift"):
        np.testing.assert_allclose(
            found["batch_norm"][name], expected["batch_norm"][name], rtol=1e-6
        )


def refined(num_steps, rate=0.1):
    return training.semi_amortised_posterior(
        linear.vae(),
        likelihoods.gaussian(),
        num_steps=num_steps,
        learning_rate=rate,
        max_norm=None,
    )


def elbo(posterior, params):
    mean, logvar = (np.asarray(part, np.float64) for part in posterior)
    decoder, offset = np.asarray(params["decoder"]), np.asarray(params["offset"])
    error = X - offset - mean @ decoder.T
    spread = np.exp(logvar)
    squared = (error**2).sum(1) + (spread[:, None] * decoder[None] ** 2).sum((1, 2))
    rate = (mean**2 + spread - logvar - 1).sum(1) / 2
    return -(squared / linear.VARIANCE / 2 + rate).mean()


def test_refinement_comes_closer_to_the_exact_posterior():
    params, knobs = linear.exact_params(), linear.KNOBS
    lagging = params | {"encoder": 0 * params["encoder"]}
    found = [
        elbo(refined(steps, 0.02).encode(lagging, X, key=KEYS, knobs=knobs), params)
        for steps in (0, 10, 100)
    ]
    best = elbo(linear.encode(params, X), params)
    assert found[0] < found[1] < found[2] < best
    # noise of the slopes is what is left of a gap of some ten nats
    assert best - found[2] < 0.1 * (best - found[0])


def test_the_refined_posterior_is_a_function_of_x_in_evaluation():
    params, vae = linear.exact_params(inflation=2.0), refined(3)
    together = vae.encode(params, X[:5], knobs=linear.KNOBS)
    alone = vae.encode(params, X[4:5], knobs=linear.KNOBS)
    for part, own in zip(together, alone, strict=True):
        np.testing.assert_allclose(part[4], own[0], atol=1e-6)


def test_what_is_not_wrapped_stays():
    vae = VAE(len, lambda p, x, **_: DiagGaussian(x, x), max)
    assert training.delta_posterior(vae, 0.1).decode is max


def test_means_are_scaled_to_1_by_default():
    vae = training.batch_norm_posterior(linear.vae(), linear.LATENT)
    params = vae.init(jax.random.key(0))
    mean = vae.encode(params, X, key=KEYS, knobs=linear.KNOBS).mean
    np.testing.assert_allclose(np.std(mean, 0), 1.0, rtol=1e-5)


def test_a_batch_of_one_is_refused_in_training_and_fine_in_evaluation():
    vae, params, knobs = normalised()
    with pytest.raises(ValueError, match="at least 2 examples .* got 1"):
        vae.encode(params, X[:1], key=KEYS[:1], knobs=knobs)
    assert vae.encode(params, X[:1], knobs=knobs).mean.shape == (1, linear.LATENT)
    # one a device are many together
    split, *_ = normalised("devices")
    one_each = jax.vmap(
        lambda x, key: split.encode(params, x, key=key, knobs=knobs).mean,
        axis_name="devices",
    )(X[:4, None], KEYS[:4, None])
    np.testing.assert_allclose(one_each[:, 0].std(0), 0.5, rtol=1e-5)
    with pytest.raises(ValueError, match="`batch_size` must be at least 2 .* got 1"):
        configs.Run.of(posterior="batch_norm", batch_size=1)
