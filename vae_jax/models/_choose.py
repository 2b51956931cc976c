"""One token from its logits: at a temperature, cut to the likeliest, without a sort."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from vae_jax import checks
from vae_jax.keys import as_key
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike

NO_TOKEN = -1
"""Stands where the logits are no distribution; no tokenizer takes it for a word."""


def choose_token(
    key: Key[Array, ""],
    logits: Float[ArrayLike, " classes"],
    temperature: ArrayLike = 1.0,
    top_p: ArrayLike = 1.0,
) -> Int[Array, ""]:
    """Draw from the likeliest tokens that hold `top_p` of the probability.

    `p_c = softmax(l / temperature)_c`, cut to the smallest set of the likeliest tokens
    whose probability is at least `top_p` (of equals the first), and normalised.
    Temperature 0 takes the likeliest. Both are data. Logits that are no distribution, with
    a NaN or an infinity above all, give -1, which is no token. Holtzman et al. (2020),
    Eq. 2, arXiv:1904.09751.

    Raises:
        TypeError: no key.
        ValueError: several keys, a negative temperature, a `top_p` that is not above 0 and
            at most 1, or logits of more than one draw.

    >>> logits = jnp.log(jnp.array([0.5, 0.3, 0.2]))
    >>> keys = jax.random.split(jax.random.key(0), 1000)
    >>> draw = jax.jit(jax.vmap(choose_token, (0, None, None, None)))
    >>> drawn = draw(keys, logits, 1.0, 0.6)
    >>> sorted(set(drawn.tolist())), int(choose_token(keys[0], logits, 0.0))
    ([0, 1], 0)
    """
    check_choice(temperature, top_p)
    logits, key = as_float(logits), as_key("key", key)
    if logits.ndim != 1 or len(logits) == 0:
        raise ValueError(
            f"`logits` must have the shape (classes,); got {logits.shape}. Use `jax.vmap` "
            "over several, with a key each."
        )
    greedy = jnp.asarray(temperature) == 0
    share = jnp.asarray(top_p, logits.dtype)

    def likeliest() -> Array:
        return jnp.argmax(logits).astype(jnp.int32)

    def drawn() -> Array:
        scale = jnp.where(greedy, 1, jnp.asarray(temperature, logits.dtype))
        weights = jnp.exp((logits - jnp.max(logits)) / scale)
        return draw_likely(key, weights, share)

    token = jax.lax.cond(greedy, likeliest, drawn)
    return jnp.where(jnp.isfinite(jnp.max(logits)), token, NO_TOKEN)


def check_choice(temperature: ArrayLike, top_p: ArrayLike) -> None:
    """The ranges of what `choose_token` may be told."""
    checks.number("temperature", temperature, 0, high_open=True)
    checks.number("top_p", top_p, 0, 1, low_open=True)


class Ranked(NamedTuple):
    """Weights of tokens in rows, about as many as columns, the last filled up with 0."""

    weights: Float[Array, "rows width"]
    places: Int[Array, "rows width"]

    def before(self, token: Array) -> Float[Array, "rows width"]:
        """The weights of likelier tokens, and of equal ones before it; else 0."""
        level = self.weights.reshape(-1)[token]
        tied = (self.weights == level) & (self.places < token)
        return jnp.where((self.weights > level) | tied, self.weights, 0)


def draw_likely(
    key: Array, weights: Float[Array, " classes"], share: Float[Array, ""]
) -> Int[Array, ""]:
    """A token of the likeliest that hold this share of all weight, without finding them.

    A token is drawn of all. It is one of them where all that comes before it holds less
    than the share. Where it is not, it is drawn anew of what comes before it, which holds
    all of them: the law of what stays is that of the cut. Of a share p it takes about
    `1 - log p` draws, each of which looks at every weight once.

    >>> weights, keys = jnp.array([2.0, 5.0, 3.0]), jax.random.split(jax.random.key(0), 99)
    >>> draw = jax.vmap(draw_likely, (0, None, None))
    >>> set(draw(keys, weights, jnp.array(0.6)).tolist())
    {1, 2}
    """
    width = math.isqrt(len(weights) - 1) + 1
    filled = jnp.pad(weights, (0, -len(weights) % width))
    places = jnp.arange(len(filled), dtype=jnp.int32)
    ranked = Ranked(filled.reshape(-1, width), places.reshape(-1, width))
    wanted = share * jnp.sum(weights)

    def beyond(state: tuple[Array, Array]) -> Array:
        return jnp.sum(ranked.before(state[1])) >= wanted

    def again(state: tuple[Array, Array]) -> tuple[Array, Array]:
        attempt, token = state
        own = jax.random.fold_in(key, attempt)
        return attempt + 1, pick(own, ranked.before(token))

    def inside(first: Array) -> Array:
        token: Array = jax.lax.while_loop(beyond, again, (jnp.uint32(0), first))[1]
        return token

    # a branch of the program even under `vmap`, where sentences share what is cut
    token: Array = jax.lax.cond(
        share < 1, inside, lambda first: first, pick(key, ranked.weights)
    )
    return token


def pick(key: Array, rows: Float[Array, "rows width"]) -> Int[Array, ""]:
    """A place with the probability of its weight: first of the rows, then in the row.

    Two uniform numbers in place of one a class, and each says so much of so few that the
    least likely are drawn as often as they should be.

    >>> int(pick(jax.random.key(0), jnp.array([[0.0, 0.0], [3.0, 0.0]])))
    2
    """
    chances = jax.random.uniform(key, (2,), rows.dtype)
    row = place_of(chances[0], jnp.sum(rows, axis=1))
    return row * rows.shape[1] + place_of(chances[1], rows[row])


def place_of(chance: Array, weights: Float[Array, " n"]) -> Int[Array, ""]:
    """Where the running sum passes this share of the whole, of those that weigh anything.

    >>> int(place_of(jnp.array(0.5), jnp.array([1.0, 0.0, 1.0])))
    2
    """
    reached = jnp.cumsum(weights)
    passed = (reached > chance * reached[-1]) & (weights > 0)
    last = len(weights) - 1 - jnp.argmax(weights[::-1] > 0)
    # the share of the whole may be rounded to the whole
    found = jnp.where(jnp.any(passed), jnp.argmax(passed), last)
    return found.astype(jnp.int32)
