"""The model that `package.module:function` makes, tried on shapes before it is trained."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.assembly._parts import likelihood, prepare
from vae_jax.assembly._source import call_user, user_function
from vae_jax.configs import DATA_FIELDS, RunConfig
from vae_jax.vae import VAE, DiagGaussian, Knobs

TRIED: dict[Any, Any] = {}
"""Functions that fit, by what shapes their program: members of a sweep are tried once."""


def user_model(
    config: RunConfig, event_shape: tuple[int, ...], max_value: int | None
) -> VAE:
    """The model of the user's function, whose parts fit together; nothing is compiled.

    Raises:
        ValueError: the function is not found, raises or returns no `VAE`; a part of that
            raises, or what it returns has another shape than the run needs.
    """
    path = config.model
    function = user_function(path)
    made = call_user(function, f"`model` {path}", "(config, event_shape)")(
        config, event_shape
    )
    if not isinstance(made, VAE) or not all(map(callable, made[:3])):
        raise ValueError(
            f"`model` {path} must return a vae_jax.VAE of three functions, init, encode "
            f"and decode; got {made if isinstance(made, VAE) else type(made)}."
        )
    shaping = [f.name for f in fields(config) if f.name not in DATA_FIELDS]
    values = (getattr(config, name) for name in shaping)
    key = id(function), event_shape, max_value, *values
    if key not in TRIED:
        _try(made, config, event_shape, max_value)
        # kept, so that no other has its number
        TRIED[key] = function
    return made


def _try(
    vae: VAE, config: RunConfig, event_shape: tuple[int, ...], max_value: int | None
) -> None:
    """Two examples go through the model and its density, as shapes."""
    x = _inputs(config, event_shape, max_value)
    key = jax.eval_shape(lambda: jax.random.key(0))
    params = _shapes(config, "init", "(key)", vae.init, key)
    posterior = _shapes(
        config,
        "encode",
        "(params, x, key=None, knobs=Knobs())",
        lambda params, x: vae.encode(params, x, key=None, knobs=Knobs()),
        params,
        x,
    )
    size = config.latent_dim
    shapes = [getattr(part, "shape", None) for part in jax.tree.leaves(posterior)]
    if not isinstance(posterior, DiagGaussian) or shapes != [(2, size)] * 2:
        raise ValueError(
            f"`model` {config.model}: its encode must return a vae_jax.DiagGaussian of "
            f"shape (batch, latent_dim), (2, {size}) for two examples; got "
            f"{type(posterior).__name__} of {shapes}. Use `config.latent_dim`, or set "
            "`latent_dim` to what the model has."
        )
    output = _shapes(
        config,
        "decode",
        "(params, z, x, key=None, knobs=Knobs())",
        lambda params, z, x: vae.decode(params, z, x, key=None, knobs=Knobs()),
        params,
        posterior.mean,
        x,
    )
    if config.likelihood != "logistic_mixture" or max_value is not None:
        _try_density(config, max_value, output, x)


def _try_density(config: RunConfig, max_value: int | None, output: Any, x: Any) -> None:
    try:
        jax.eval_shape(likelihood(config, max_value).log_prob, output, x)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"`model` {config.model}: what its decode returns does not fit "
            f"likelihood={config.likelihood!r}: {error}"
        ) from error


def _inputs(
    config: RunConfig, event_shape: tuple[int, ...], max_value: int | None
) -> Any:
    dtype = jnp.int32 if config.likelihood == "categorical" else jnp.uint8
    images = jax.ShapeDtypeStruct((2, *event_shape), dtype)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 2))
    # any largest level will do: only the shape is wanted
    return jax.eval_shape(prepare(config, max_value or 255), keys, images)


def _shapes(
    config: RunConfig, name: str, called: str, function: Callable[..., Any], *args: Any
) -> Any:
    tried = call_user(
        lambda *values: jax.eval_shape(function, *values),
        f"`model` {config.model}: its {name}",
        called,
    )
    return tried(*args)
