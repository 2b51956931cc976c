"""Laws of the latent code, each a `vae_jax.vae.Prior`; one a file.

| prior | learns | closed-form KL |
|---|---|---|
| `standard` | nothing | yes |
| `diagonal` | mean and variance of every unit | yes |
| `mixture` | K Gaussians and their weights | no |
| `vampprior` | K pseudo-inputs, whose posteriors it mixes | no |
| `autoregressive` | nothing: its KL cannot reach 0 | yes |

Where there is no closed form the rate is sampled, by `sampled_kl`.
"""

from vae_jax.priors._autoregressive import autoregressive, committed_rate
from vae_jax.priors._diagonal import diagonal
from vae_jax.priors._mixture import mixture
from vae_jax.priors._records import (
    AutoregressivePrior,
    DiagonalPrior,
    MixturePrior,
    PriorChoice,
    StandardPrior,
    VampPrior,
)
from vae_jax.priors._sampled import sampled_kl
from vae_jax.priors._standard import standard
from vae_jax.priors._vamp import vampprior

__all__ = [
    "AutoregressivePrior",
    "DiagonalPrior",
    "MixturePrior",
    "PriorChoice",
    "StandardPrior",
    "VampPrior",
    "autoregressive",
    "committed_rate",
    "diagonal",
    "mixture",
    "sampled_kl",
    "standard",
    "vampprior",
]
