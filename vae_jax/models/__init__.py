"""Ready-made VAEs: linear, MLP, of bounded slope, masked autoregressive; sampling.

Every constructor returns the triple of `vae_jax.vae`. The only package that imports
flax.
"""

from vae_jax.models._assemble import LikelihoodName
from vae_jax.models._autoregressive import autoregressive
from vae_jax.models._linear import linear
from vae_jax.models._lipschitz import lipschitz
from vae_jax.models._mlp import mlp
from vae_jax.models._sample import sample

__all__ = ["LikelihoodName", "autoregressive", "linear", "lipschitz", "mlp", "sample"]
