"""Can an optimiser leave this point? The smallest curvature of a loss, by products alone.

At a collapsed point the gradient is zero and says nothing. If the Hessian has a negative
eigenvalue, the point is a saddle and the loss falls along its eigenvector; if not, a unit
that is off stays off. For the linear VAE both are known in closed form
(`analytic.escape_rate`); this is the same question for any decoder.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from vae_jax import checks
from vae_jax.diagnostics._checks import rounding
from vae_jax.keys import as_key
from vae_jax.numerics import as_float
from vae_jax.types import Params, PRNGKey

ROUNDING = 1e-5
"""Share of the largest curvature that rounding may turn negative: a hundred float32 steps,
for products that sum over the data and the network."""

STALLED = 16
"""Rounding steps below which a new direction is no direction."""


class Curvature(NamedTuple):
    """An extreme eigenvalue of a Hessian.

    Attributes:
        value: curvature along `direction`, the smallest that was found. The smallest
            eigenvalue is never above it, beyond rounding: a negative value is certain.
        direction: of norm 1 over all parameters, shaped like them.
        residual: `|H direction - value direction|`; an eigenvalue lies within it of the
            value. Large next to the value: iterate more.
        largest: largest size of a curvature, which sets the scale of rounding.

    >>> Curvature._fields
    ('value', 'direction', 'residual', 'largest')
    """

    value: Float[Array, ""]
    direction: Params
    residual: Float[Array, ""]
    largest: Float[Array, ""]


class EscapeTest(NamedTuple):
    """Whether the loss falls from a stationary point.

    Attributes:
        curvature: the smallest.
        gradient_norm: at the point. Where it is not near 0 the point is not stationary and
            an optimiser moves on anyway.
        can_escape: the smallest curvature is negative beyond rounding. False is as sure as
            `curvature.residual` is small.

    >>> EscapeTest._fields
    ('curvature', 'gradient_norm', 'can_escape')
    """

    curvature: Curvature
    gradient_norm: Float[Array, ""]
    can_escape: Bool[Array, ""]


def escape_test(
    key: PRNGKey,
    loss: Callable[[Any], Array],
    params: Params,
    *,
    num_iterations: int = 60,
) -> EscapeTest:
    """Whether the loss falls from here, to second order.

    Under gradient flow a small departure along the direction grows as
    `exp(-curvature * t)`.

    Args:
        key: for the start of the iteration.
        loss: `loss(params)`, one number; over enough data, or over all of it.
        params: the point, collapsed as a rule.
        num_iterations: Hessian-vector products.

    Raises:
        TypeError: no key, or `num_iterations` is no whole number.
        ValueError: `num_iterations` is below 1, there are no parameters, or the loss is not
            one number.

    >>> def loss(p):  # a linear VAE of one unit and one feature of variance 4, beta 1
    ...     error = 4 * (1 - p["w"] * p["v"]) ** 2 + p["w"] ** 2
    ...     return error / 2 + 4 * p["v"] ** 2 / 2
    >>> collapsed = {"w": jnp.zeros(()), "v": jnp.zeros(())}
    >>> found = escape_test(jax.random.key(0), loss, collapsed)
    >>> print(f"{found.curvature.value:.3f} {bool(found.can_escape)}")
    -1.772 True
    """
    curvature = smallest_curvature(key, loss, params, num_iterations)
    gradient, _ = ravel_pytree(jax.grad(loss)(jax.tree.map(as_float, params)))
    scale = jnp.asarray(ROUNDING, curvature.value.dtype) * curvature.largest
    return EscapeTest(curvature, jnp.linalg.norm(gradient), curvature.value < -scale)


def smallest_curvature(
    key: PRNGKey,
    loss: Callable[[Any], Array],
    params: Params,
    num_iterations: int = 60,
) -> Curvature:
    """Smallest eigenvalue of the Hessian of a loss, and its eigenvector.

    Lanczos with full orthogonalisation from a random start: `num_iterations` products with
    the Hessian (`grad` of a part of `grad`), and as many copies of the parameters in
    memory. Exact once they are as many as the parameters, and much earlier for the ends of
    the spectrum.

    Args:
        key: for the random start.
        loss: `loss(params)`, one number, twice differentiable at the point.
        params: the point, a pytree of arrays; in float32 or wider.
        num_iterations: products; not more than the number of parameters are taken.

    Raises:
        TypeError: no key, or `num_iterations` is no whole number.
        ValueError: `num_iterations` is below 1, there are no parameters, or the loss is not
            one number.

    >>> found = smallest_curvature(
    ...     jax.random.key(0), lambda p: p[0] ** 2 - 3 * p[1] ** 2, jnp.zeros(2)
    ... )
    >>> print(f"{found.value:.3f} {found.residual:.3f}")
    -6.000 0.000
    """
    point, unravel = ravel_pytree(jax.tree.map(as_float, params))
    num_iterations = checks.whole("num_iterations", num_iterations, 1)
    if point.size == 0:
        raise ValueError("`params` must hold at least one number; got none.")
    shape = jax.eval_shape(loss, unravel(point)).shape
    if shape != ():
        raise ValueError(f"`loss` must return one number; got shape {shape}.")
    gradient = jax.grad(lambda flat: as_float(loss(unravel(flat))))

    def product(vector: Array) -> Array:
        # by reverse mode twice: models with a gradient of their own have no other
        image: Array = jax.grad(lambda flat: dot(gradient(flat), vector))(point)
        return image

    steps = min(num_iterations, point.size)
    basis, spectrum, vectors = lanczos(key, product, point, steps)
    found = jnp.matmul(vectors[:, 0], basis, precision="highest")
    direction = found / jnp.linalg.norm(found)
    image = product(direction)
    value = dot(direction, image)
    residual = jnp.linalg.norm(image - value * direction)
    largest = jnp.maximum(jnp.max(jnp.abs(spectrum)), jnp.abs(value))
    return Curvature(value, unravel(direction), residual, largest)


def lanczos(
    key: PRNGKey, product: Callable[[Array], Array], like: Array, steps: int
) -> tuple[
    Float[Array, "steps size"], Float[Array, " steps"], Float[Array, "steps steps"]
]:
    """Orthonormal basis, and the eigenvalues and eigenvectors of the operator on it.

    Where the products lead nowhere new, the iteration goes on from a random vector, so that
    no eigenvalue of the small matrix is an artefact of an empty row.
    """
    keys = jax.random.split(as_key("key", key), steps + 1)

    def one_step(
        carry: tuple[Array, Array, Array], step: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array, Array], tuple[Array, Array]]:
        basis, vector, scale = carry
        index, own_key = step
        basis = basis.at[index].set(vector)
        image = product(vector)
        diagonal = dot(image, vector)
        left = orthogonal(image, basis)
        norm = jnp.linalg.norm(left)
        scale = jnp.maximum(scale, jnp.abs(diagonal) + norm)
        stalled = norm <= STALLED * rounding(like) * scale
        fresh = orthogonal(jax.random.normal(own_key, like.shape, like.dtype), basis)
        following = jnp.where(stalled, fresh, left)
        following = following / jnp.where(stalled, jnp.linalg.norm(fresh), norm)
        beside = jnp.where(stalled, 0, norm)
        return (basis, following, scale), (diagonal, beside)

    start = jax.random.normal(keys[0], like.shape, like.dtype)
    empty = jnp.zeros((steps, *like.shape), like.dtype)
    carry = (empty, start / jnp.linalg.norm(start), jnp.zeros((), like.dtype))
    (basis, _, _), (diagonal, beside) = jax.lax.scan(
        one_step, carry, (jnp.arange(steps), keys[1:])
    )
    small = jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1)
    spectrum, vectors = jnp.linalg.eigh(small)
    return basis, spectrum, vectors


def orthogonal(
    vector: Float[Array, " size"], basis: Float[Array, "steps size"]
) -> Float[Array, " size"]:
    """What of a vector lies outside the basis; twice, since once leaves rounding."""
    for _ in range(2):
        along = jnp.matmul(basis, vector, precision="highest")
        vector = vector - jnp.matmul(along, basis, precision="highest")
    return vector


def dot(a: Float[Array, " size"], b: Float[Array, " size"]) -> Float[Array, ""]:
    """Inner product at full precision."""
    return jnp.matmul(a, b, precision="highest")
