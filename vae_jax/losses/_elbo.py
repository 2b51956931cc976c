"""The evidence lower bound, kept in its parts.

All in nats, per example.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.losses._batch import flat_units
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike


class ElboTerms(NamedTuple):
    """Distortion and KL of every example, raw: no beta, no floor, in nats.

    Attributes:
        distortion: `-log p(x|z)`, a positive cost for discrete data.
        kl: per latent unit.

    >>> terms = ElboTerms(jnp.array([3.0]), jnp.array([[1.0, 0.5]]))
    >>> float(terms.rate[0]), float(terms.elbo[0])
    (1.5, -4.5)
    """

    distortion: Float[Array, "*batch"]
    kl: Float[Array, "*batch latent"]

    @property
    def rate(self) -> Float[Array, "*batch"]:
        """`sum_j KL_j`."""
        return jnp.sum(as_float(self.kl), axis=-1)

    @property
    def elbo(self) -> Float[Array, "*batch"]:
        """`-(distortion + rate)`, to be maximised."""
        return -(as_float(self.distortion) + self.rate)


def elbo_terms(
    log_likelihood: Float[ArrayLike, "*batch"],
    kl: Float[ArrayLike, "*batch_latent"],
    *,
    latent_ndim: int = 1,
) -> ElboTerms:
    """The parts of the ELBO: `E_q log p(x|z) - KL(q(z|x) || p(z))`.

    Args:
        log_likelihood: summed over the event, of a normalised density. It is a loss with
            its sign changed, `-losses.bce(logits, x)`. The sign cannot be checked, since a
            density of continuous data may be above 1: a negative distortion of binary data
            or tokens says that it was forgotten.
        kl: per latent unit; `gaussian.kl_standard`. One example may be given by itself.
        latent_ndim: trailing axes that are the latent's: 1 of (batch, latent), 2 of (batch,
            positions, width), 3 of (batch, height, width, channels).

    Raises:
        TypeError: `latent_ndim` is no whole number.
        ValueError: the batch axes differ.

    Kingma & Welling (2014), Eq. 3, arXiv:1312.6114.

    >>> elbo_terms(jnp.array([-3.0]), jnp.array([[1.0]])).elbo.tolist()
    [-4.0]
    """
    log_likelihood, given = as_float(log_likelihood), as_float(kl)
    kl = flat_units(given, latent_ndim)
    if kl.ndim == 0 or kl.shape[:-1] != log_likelihood.shape:
        axes = ", ".join(map(str, (*log_likelihood.shape, *_axes(latent_ndim))))
        raise ValueError(
            "`kl` must have the shape of `log_likelihood` and "
            f"{_axes_in_words(latent_ndim)} for the latent units, ({axes}); got "
            f"{given.shape}.{_fix(given, log_likelihood, latent_ndim)}"
        )
    return ElboTerms(-log_likelihood, kl)


def beta_elbo_loss(
    terms: ElboTerms, beta: Float[ArrayLike, ""]
) -> Float[Array, "*batch"]:
    """`distortion + beta * rate` nats; beta = 1 is minus the ELBO.

    beta multiplies the KL summed over units; other codebases average one or both terms. It
    is one number; for one of each unit, `total_loss(distortion, sum_j beta_j KL_j, 1)`.
    Higgins et al. (2017), Eq. 4, "beta-VAE".

    Raises:
        TypeError: beta is no number, such as a schedule that was not called.
        ValueError: it is more than one, or not finite.

    >>> beta_elbo_loss(elbo_terms(jnp.array([-3.0]), jnp.array([[1.0]])), 2.0).tolist()
    [5.0]
    """
    return total_loss(terms.distortion, terms.rate, beta)


def total_loss(
    distortion: Float[ArrayLike, "*batch"],
    penalised_rate: Float[ArrayLike, "*batch"],
    beta: Float[ArrayLike, ""],
) -> Float[Array, "*batch"]:
    """`distortion + beta * penalised_rate` nats: what a remedy's output goes into.

    The penalised rate is what the loss charges; report the raw rate beside it.

    Raises:
        TypeError: beta is no number, such as a schedule that was not called.
        ValueError: the shapes differ, or beta is not one finite number.

    >>> total_loss(jnp.array([3.0]), jnp.array([1.0]), 0.5).tolist()
    [3.5]
    """
    distortion, penalised_rate = as_float(distortion), as_float(penalised_rate)
    if distortion.shape != penalised_rate.shape:
        raise ValueError(
            f"`penalised_rate` must have the shape of `distortion`, {distortion.shape}; "
            f"got {penalised_rate.shape}.{_hint(distortion.ndim > penalised_rate.ndim)}"
        )
    checks.number("beta", beta, low_open=True, high_open=True)
    return distortion + jnp.asarray(beta, distortion.dtype) * penalised_rate


def _axes(latent_ndim: int) -> tuple[str, ...]:
    """Names of the latent's axes in a shape."""
    if latent_ndim == 1:
        return ("latent",)
    return tuple(f"latent_{axis}" for axis in range(latent_ndim))


def _axes_in_words(latent_ndim: int) -> str:
    if latent_ndim == 1:
        return "an axis"
    return f"the {latent_ndim} axes that `latent_ndim` says"


def _fix(kl: Array, log_likelihood: Array, latent_ndim: int) -> str:
    """What to change where the KL does not have the batch's axes and the latent's."""
    batch = log_likelihood.shape
    if kl.shape == batch or kl.ndim == 0:
        also = _hint(True) if kl.ndim else ""
        return f" Do not sum or average the KL over units.{also}"
    if len(batch) >= kl.ndim - latent_ndim + 1:
        return _hint(True)
    # () of a batch that was averaged is no latent of more axes
    several = kl.ndim - len(batch)
    if batch and kl.shape[: len(batch)] == batch and several > latent_ndim:
        return (
            f" A latent of several axes is said by latent_ndim={several}: its units are "
            "then taken in a row."
        )
    return ""


def _hint(unsummed: bool) -> str:
    """What to look at where the log-likelihood has an axis too many."""
    if not unsummed:
        return ""
    return (
        " An axis too many is one of the event: one example by itself, as inside `vmap`, "
        "needs batch_ndim=0 in its likelihood."
    )
