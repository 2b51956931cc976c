"""A bag of words: the code has to say by itself which words a sentence has."""

from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.records import Facts, data, record, static
from vae_jax.remedies._contract import Remedy
from vae_jax.tokens import PAD
from vae_jax.training import Auxiliary
from vae_jax.vae import VAE, own_params, with_params

NAME = "bag_of_words"


@record("remedy", NAME)
class BagOfWords(Remedy):
    """An auxiliary loss of sentence models.

    `-weight sum_t log softmax(f(z))[x_t]` nats over the tokens that are not padding, f a
    network of its own that sees nothing but z. Zhao et al. (2017), Eq. 5, arXiv:1703.10960.
    """

    sets = "the bag of words"
    needs_elbo = True

    bag_of_words: float = data("Weight of the loss of the words from z alone.", low=0)
    bag_of_words_width: int = static(
        "Width of its hidden layer.", default=64, low=1, high=100_000
    )

    @property
    def is_off(self) -> bool:
        """Without a weight there is no loss."""
        return self.bag_of_words == 0

    def conflict(self, run: Any) -> str | None:
        """Only sentences have words."""
        if run.data.of_sentences:
            return None
        return (
            "`bag_of_words` is a loss of the words of sentences; got "
            f"dataset={run.data.chosen_name!r}. Leave it out."
        )

    def wrap(self, vae: VAE, run: Any, facts: Facts) -> VAE:
        """The model with the network beside it."""
        sizes = run.model.latent_dim, self.bag_of_words_width, facts.max_value + 1

        def init(key: Any) -> Any:
            keys = jax.random.split(key)
            return [
                jax.random.normal(k, (before, after), jnp.float32) / before**0.5
                for k, before, after in zip(keys, sizes[:-1], sizes[1:], strict=True)
            ]

        return with_params(vae, NAME, init)

    def auxiliary(self, facts: Facts) -> Auxiliary:
        """The loss of every example."""
        del facts

        def loss(params: Any, latent: Any, batch: Any, hyper: Any) -> Any:
            del hyper
            first, second = own_params(params, NAME)
            logits = jnp.tanh(latent.z @ first) @ second
            known = jnp.take_along_axis(jax.nn.log_softmax(logits), batch, axis=-1)
            words = jnp.sum(jnp.where(batch != PAD, known, 0.0), axis=-1)
            return -self.bag_of_words * words

        return loss
