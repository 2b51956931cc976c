"""Free bits over groups of units, by name."""

import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax.configs import Run
from vae_jax.remedies import FreeBits


def test_every_group_has_its_free_nats():
    one = FreeBits(1.0, free_bits_over="group", free_bits_groups=(0, 0, 1))
    kl = jnp.array([[0.2, 0.3, 5.0], [0.4, 0.3, 5.0]])
    np.testing.assert_allclose(one.penalty()(kl, None), [6.0, 6.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"free_bits_over": "group"}, "`free_bits_groups` must be given with"),
        ({"free_bits_groups": [0, 1]}, "must be given with free_bits_over='group' and"),
        (
            {"free_bits_over": "group", "free_bits_groups": [0, 1]},
            "each of the 3 units of z a group; got 2 numbers",
        ),
        (
            {"free_bits_over": "group", "free_bits_groups": [0, 2, 2]},
            "numbered from 0 without a gap",
        ),
        (
            {
                "free_bits_over": "group",
                "free_bits_groups": [0, 0, 1],
                "prior": "mixture",
            },
            "has no units; got free_bits_over='group'",
        ),
    ],
)
def test_groups_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Run.of(latent_dim=3, free_bits=0.5, **settings)
