"""The KL keeps its value, and its slopes are shared out between prior and posterior."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import priors
from vae_jax.configs import Run
from vae_jax.records import CHOICES

KLBalance = CHOICES["remedy"]["kl_balance"]
PLAIN = priors.diagonal(2)
OWN = {"mean": jnp.array([0.5, -1.0]), "logvar": jnp.array([0.2, -0.3])}
MEAN, LOGVAR = jnp.array([[1.0, 2.0]]), jnp.array([[-1.0, 0.5]])


def slopes(prior):
    return jax.grad(lambda *a: prior.kl(*a).sum(), argnums=(0, 1, 2))(OWN, MEAN, LOGVAR)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.8])
def test_the_value_stays_and_each_side_has_its_share_of_the_slope(share):
    balanced = KLBalance(share).law(PLAIN)
    np.testing.assert_allclose(
        balanced.kl(OWN, MEAN, LOGVAR), PLAIN.kl(OWN, MEAN, LOGVAR), rtol=1e-6
    )
    whole, found = slopes(PLAIN), slopes(balanced)
    for shared, of_all, part in zip(
        found, whole, (share, *[1 - share] * 2), strict=True
    ):
        for a, b in zip(jax.tree.leaves(shared), jax.tree.leaves(of_all), strict=True):
            np.testing.assert_allclose(a, part * b, rtol=1e-6)


def test_a_prior_that_learns_nothing_is_refused():
    with pytest.raises(ValueError, match="got prior='standard'. Use prior='diagonal'"):
        Run.of(kl_balance=0.5)
    with pytest.raises(ValueError, match="got prior='mixture'"):
        Run.of(kl_balance=0.5, prior="mixture")
    with pytest.raises(ValueError, match="one without parameters"):
        KLBalance(0.5).law(priors.autoregressive(2, 2, 0.5))


def test_shares_are_one_program():
    runs = [Run.of(kl_balance=share, prior="diagonal") for share in (0.2, 0.8)]
    assert len({jax.tree.structure(run.on_device()) for run in runs}) == 1
