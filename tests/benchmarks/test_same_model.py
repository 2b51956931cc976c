"""Every arm of `benchmarks.peers` computes the same: losses and gradients of PyTorch's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import _cases
from experiments.benchmarks._torch_arms import examples, maker
from vae_jax import assembly
from vae_jax.likelihoods import Likelihood
from vae_jax.records import ask

torch = pytest.importorskip("torch")

BATCH = 4
TOLERANCE = 1e-5
"""Of the largest slope of the model: a few hundred roundings of float32, 6e-8 each. Small
ones are differences of large ones, and have their rounding."""

SMALL = [  # of every family one that is small, and its encoder's last image in PyTorch
    (_cases.mlp(4, 16, 2, BATCH), None),
    (_cases.images("convolutional", (8, 8), (8, 16), batch=BATCH), (16, 2, 2)),
    (_cases.images("convolutional", (8, 8, 3), (8, 16), batch=BATCH), (16, 2, 2)),
    (_cases.images("residual", (8, 8), (8, 16), batch=BATCH), (16, 2, 2)),
    (
        _cases.Case(
            "PixelCNN",
            "8x8",
            {"model": "pixelcnn", "latent_dim": 4, "hidden": (8, 8, 8)},
            (8, 8),
        ),
        (8, 4, 4),
    ),
    (_cases.text("LSTM", "", 6, 3, BATCH, model=_cases.lstm(5)), None),
    (
        _cases.text("Transformer", "", 6, 3, BATCH, model=_cases.transformer(8, 2, 2)),
        None,
    ),
]


def ours(case, noise):
    """Parameters, the loss of a batch and its gradient."""
    config, dataset = case.run(), case.dataset()
    facts = assembly.facts_of(dataset)
    vae, prepare = (
        assembly.model(config, facts),
        assembly.prepared(config, dataset.max_value),
    )
    density = ask(config.likelihood.density, Likelihood, facts)
    x, knobs = prepare(None, dataset.train.images[:BATCH]), config.on_device().knobs()

    def loss(params):
        mean, logvar = vae.encode(params, x)
        z = mean + jnp.exp(0.5 * logvar) * noise
        log_prob = density.log_prob(vae.decode(params, z, x, knobs=knobs), x)
        rate = -0.5 * jnp.sum(1 + logvar - mean**2 - jnp.exp(logvar), axis=-1)
        return jnp.mean(rate - log_prob)

    params = vae.init(jax.random.key(0))
    return params, *jax.jit(jax.value_and_grad(loss))(params)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "small"), SMALL, ids=lambda own: getattr(own, "name", "")
)
def test_losses_and_gradients_are_those_of_pytorch(case, small):
    from torch_params import flat_names, hand_over, laid_out

    rng = np.random.default_rng(1)
    noise = rng.standard_normal((BATCH, case.settings["latent_dim"]), np.float32)
    params, value, slopes = ours(case, noise)
    model = maker(case)()
    hand_over(params, model, small)
    loss = model(examples(case)[:BATCH], torch.from_numpy(noise))
    loss.backward()
    np.testing.assert_allclose(loss.item(), value, rtol=TOLERANCE)
    known = flat_names(slopes)
    largest = max(np.abs(leaf).max() for leaf in known.values())
    for name, own in model.named_parameters():
        if name.endswith("bias_hh_l0"):  # a second bias, which ours has not
            continue
        expected = laid_out(name, known[name], own.shape, small)
        found, atol = own.grad.numpy(), TOLERANCE * largest
        np.testing.assert_allclose(found, expected, rtol=0, atol=atol, err_msg=name)
