"""Conditional VAEs: any model whose encoder, decoder and prior are told a condition."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp

from vae_jax import checks
from vae_jax.conditions import Conditioned, features
from vae_jax.models._assemble import DEFAULT_KNOBS, default_dtype
from vae_jax.numerics import as_float
from vae_jax.types import Array, ArrayLike, Params, PRNGKey
from vae_jax.vae import VAE, DiagGaussian, Knobs

NAME = "condition"
"""Of the parameters beside those of the two models."""

Reading = Literal["nothing", "image", "factors", "token"]
"""How an encoder is told c: not at all, by an image of c that is added to x, by positive
factors of x, which keep counts what they are, or by a first token."""


def conditional(
    encoder: VAE,
    decoder: VAE,
    event_shape: tuple[int, ...],
    latent_dim: int,
    num_conditions: int,
    width: int,
    *,
    reading: Reading = "image",
    first_token: int = 0,
    prior: bool = False,
) -> VAE:
    """The conditional VAE of an encoder and a decoder, which may be of any models.

    - `p(x|z, c)`: the decoder is given z and, in its further units, a learned vector of c.
      The linear one is `W z + U c + b`, and all others have c wherever they have z.
    - `q(z|x, c)`: the encoder reads x with c, and its mean and log-variance have terms in
      c. The linear one is `V x + A c + a`, its log-variance `d + D c`.
    - `p(z|c) = N(m(c), diag(exp(l(c))))` with `prior`, that of the model without it. The
      code is measured from it and in its units: what is encoded, sampled and decoded is
      `(z - m(c)) / exp(l(c) / 2)`, whose prior does not know c. KL, ELBO and I(z; x | c)
      are those of z, every other prior and remedy keeps its meaning, and I(z; c) is what
      the code repeats although the prior has it.

    Learned terms in c begin at 0, but the decoder's vectors as N(0, 1), as z is.

    Sohn, Lee & Yan (2015), "Learning structured output representation using deep
    conditional generative models". Of the linear one `analytic.linear_cvae_optimum` is the
    optimum: Dang et al. (2024), arXiv:2306.05023.

    Args:
        encoder: whose encoder is taken, of `latent_dim` units; for reading="token" one of
            sentences with one token more, and with words from `first_token` on.
        decoder: whose decoder is taken, of `latent_dim + width` units.
        event_shape: of one example.
        latent_dim: units of z.
        num_conditions: labels, or covariates.
        width: of the vector of c that the decoder is given.
        reading: how the encoder is told c; "nothing" for one that does not know it.
        first_token: the word that stands for label 0.
        prior: whether the prior knows c.

    Returns:
        A model that takes `Conditioned(x, c)` for x: c are whole numbers from 0 to
        `num_conditions - 1`, or rows of that many covariates.

    Raises:
        TypeError: sizes that are no whole numbers; when it is called, x without c.
        ValueError: sizes below 1, an unknown reading, or a model with a prior or a
            calibration of its own; when it is called, covariates that do not fit.

    >>> from vae_jax.models import linear
    >>> parts = [linear((5,), units, likelihood="gaussian") for units in (2, 2 + 3)]
    >>> vae = conditional(*parts, (5,), 2, num_conditions=3, width=3)
    >>> x = Conditioned(jnp.ones((4, 5)), jnp.array([0, 1, 2, 0]))
    >>> params = vae.init(jax.random.key(0))
    >>> posterior = vae.encode(params, x)
    >>> posterior.mean.shape, vae.decode(params, posterior.mean, x).mean.shape
    ((4, 2), (4, 5))
    """
    check_parts(encoder, decoder, reading)
    latent_dim = checks.whole("latent_dim", latent_dim, 1)
    size = checks.whole("num_conditions", num_conditions, 1)
    width = checks.whole("width", width, 1)

    def init(key: PRNGKey) -> Params:
        keys = jax.random.split(key, 3)
        dtype = default_dtype()
        own: dict[str, Any] = {
            "decoder": {"code": jax.random.normal(keys[2], (size, width), dtype)}
        }
        shapes: dict[str, tuple[int, ...]]
        shapes = dict.fromkeys(DiagGaussian._fields, (latent_dim,))
        if reading != "nothing":
            images = {} if reading == "token" else {"image": event_shape}
            own["encoder"] = zeros_of(size, shapes | images)
        if prior:
            own["prior"] = zeros_of(size, shapes)
        return {
            "encoder": half(encoder.init(keys[0]), "encoder", ("decoder", *OF_DECODER)),
            "decoder": half(decoder.init(keys[1]), "decoder", ("encoder",)),
            NAME: own,
        }

    def encode(
        params: Params, x: Any, *, key: Any = None, knobs: Knobs = DEFAULT_KNOBS
    ) -> DiagGaussian:
        x, own = as_conditioned(x), params[NAME]
        seen = told(reading, own.get("encoder"), x, first_token)
        found = encoder.encode(params["encoder"], seen, key=key, knobs=knobs)
        mean, logvar = found
        if reading != "nothing":
            mean += of_condition(own["encoder"]["mean"], x.condition)
            logvar += of_condition(own["encoder"]["logvar"], x.condition)
        if prior:
            mean -= of_condition(own["prior"]["mean"], x.condition)
            scale = of_condition(own["prior"]["logvar"], x.condition)
            mean, logvar = mean * jnp.exp(-scale / 2), logvar - scale
        return DiagGaussian(mean, logvar)

    def decode(
        params: Params,
        z: ArrayLike,
        x: Any = None,
        *,
        key: Any = None,
        knobs: Knobs = DEFAULT_KNOBS,
    ) -> Any:
        x = as_conditioned(x)
        code = decoder_code(params, z, x.condition)
        return decoder.decode(params["decoder"], code, x.x, key=key, knobs=knobs)

    # outside of a program, one compilation in place of one an operation
    return VAE(jax.jit(init), encode, decode)


OF_DECODER = "likelihood", "counts"
"""Parameters of ready models beside their halves, which belong to what is decoded."""


def decoder_code(params: Params, z: ArrayLike, condition: ArrayLike) -> Array:
    """What the decoder of a conditional model is given: z, and the vector of c beside it.

    With `params["decoder"]` it is what `generate` and `pixelcnn_sample` take of a model
    that is not conditional.

    Args:
        params: of the whole model.
        z: codes, a row each.
        condition: of each of them.

    >>> params = {"condition": {"decoder": {"code": jnp.array([[5.0], [7.0]])}}}
    >>> decoder_code(params, jnp.zeros((2, 1)), jnp.array([1, 0])).tolist()
    [[0.0, 7.0], [0.0, 5.0]]
    """
    own, z = params[NAME], as_float(z)
    if "prior" in own:
        scale = of_condition(own["prior"]["logvar"], condition)
        z = of_condition(own["prior"]["mean"], condition) + jnp.exp(scale / 2) * z
    vector = of_condition(own["decoder"]["code"], condition)
    return jnp.concatenate([z, vector.astype(z.dtype)], axis=-1)


def given(vae: VAE, condition: ArrayLike) -> VAE:
    """A conditional model at a condition a row: a model of x alone, as `sample` takes it.

    Args:
        vae: of `Conditioned` examples.
        condition: of each row of a batch.

    >>> echo = VAE(len, len, lambda params, z, x, **_: x.condition)
    >>> given(echo, jnp.array([2, 1])).decode({}, jnp.zeros((2, 5))).tolist()
    [2, 1]
    """

    def encode(params: Params, x: Any, **options: Any) -> DiagGaussian:
        return vae.encode(params, Conditioned(x, condition), **options)

    def decode(params: Params, z: Any, x: Any = None, **options: Any) -> Any:
        return vae.decode(params, z, Conditioned(x, condition), **options)

    return vae._replace(encode=encode, decode=decode, calibrate=None)


def of_condition(table: Array, condition: ArrayLike) -> Array:
    """`T c`: of a label its row, exactly, of covariates their combination of the rows.

    >>> of_condition(jnp.array([[1.0], [2.0]]), jnp.array([1, 1])).tolist()
    [[2.0], [2.0]]
    """
    rows = features(condition, len(table), table.dtype)
    # a sum in a fixed order; a row that is looked up has a gradient that has none on a GPU
    return jnp.tensordot(rows, table, 1, precision="highest")


def told(reading: Reading, own: Params, x: Conditioned, first_token: int) -> Any:
    """What the encoder sees in the place of x.

    >>> x = Conditioned(jnp.array([[4, 3]]), jnp.array([1]))
    >>> told("token", {}, x, first_token=7).tolist()
    [[8, 4, 3]]
    """
    if reading == "nothing":
        return x.x
    if reading == "token":
        tokens, label = jnp.asarray(x.x), jnp.asarray(x.condition)
        if label.ndim != 1 or not jnp.issubdtype(label.dtype, jnp.integer):
            raise ValueError(
                "`condition` must be one whole number an example where an encoder reads "
                f"it as a token; got {label.dtype} of the shape {label.shape}. Bin it, or "
                'use reading="nothing".'
            )
        word = (first_token + label).astype(tokens.dtype)
        return jnp.concatenate([word[:, None], tokens], axis=1)
    seen = as_float(x.x)
    image = of_condition(own["image"], x.condition).reshape(seen.shape)
    image = image.astype(seen.dtype)
    return seen * jnp.exp(image) if reading == "factors" else seen + image


def as_conditioned(x: Any) -> Conditioned:
    """The pair, refused where there is no condition.

    >>> as_conditioned(Conditioned(None, jnp.zeros(2))).x is None
    True
    """
    if not isinstance(x, Conditioned):
        raise TypeError(
            "`x` of a conditional model must be vae_jax.Conditioned(x, c); got "
            f"{type(x).__name__}. Give the conditions too; to decode without x, "
            "Conditioned(None, c)."
        )
    return x


def zeros_of(size: int, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """A table of zeros a name, with a row a condition."""
    return {
        name: jnp.zeros((size, *shape), default_dtype())
        for name, shape in shapes.items()
    }


def half(params: Params, part: str, others: tuple[str, ...]) -> Params:
    """The parameters of one half of a model, where they are told apart by its names.

    >>> half({"model": {"encoder": 1, "decoder": 2}, "x": 3}, "encoder", ("decoder", "x"))
    {'model': {'encoder': 1}}
    """
    if not isinstance(params, dict) or not {part, "model"} & set(params):
        return params
    kept = {name: own for name, own in params.items() if name not in others}
    if part not in params:
        kept["model"] = half(params["model"], part, others)
    return kept


def check_parts(encoder: VAE, decoder: VAE, reading: Reading) -> None:
    """Refuse what two models cannot be made one of."""
    if reading not in get_args(Reading):
        raise ValueError(
            f"`reading` must be one of {', '.join(get_args(Reading))}; got {reading!r}."
        )
    for name, vae in {"encoder": encoder, "decoder": decoder}.items():
        if vae.calibrate is not None or vae.prior is not None:
            raise ValueError(
                f"`{name}` must be a model without a prior and a calibration of its own; "
                "got one with them. Make the conditional model first, and give it those."
            )
