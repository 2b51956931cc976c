"""A model of the user's own is tried on the shapes of two examples before it is trained."""

from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.assembly._trial_output import check_output
from vae_jax.configs import OwnModel, Run
from vae_jax.models import Model
from vae_jax.records import Facts, ask, attempt
from vae_jax.vae import VAE, DiagGaussian, Knobs

KEYS = (
    "`key` holds a key an example, here 2: use key[0] for one mask for all, or jax.vmap "
    "over examples and keys."
)
NO_KEY = (
    "`key` is None where nothing is drawn, as in evaluation: leave dropout out then."
)
BY_NAME = "Let it take `key` and `knobs` by name, or `**_`."
WRAP = "Wrap it: DiagGaussian(mean, logvar)."


def try_model(run: Run, facts: Facts, x: Any) -> tuple[str, ...]:
    """Two examples go through the model and its density, as shapes.

    Without keys, as in evaluation, and with a key an example, as in training; the settings
    that are data are traced, as in a program.

    Args:
        run: whose model is the user's own.
        facts: of its data set.
        x: two examples, as shapes.

    Returns:
        Settings of the model that nothing reads; see `check_read`.

    Raises:
        ValueError: a part raises, or returns another shape than the run needs.
    """
    found: list[str] = []

    def trial(placed: Run, knobs: Knobs, key: Any, keys: Any, x: Any) -> None:
        found.extend(_tried(placed, knobs, facts, key, keys, x))

    key = jax.eval_shape(lambda: jax.random.key(0))
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 2))
    placed = run.on_device()
    jax.eval_shape(trial, placed, placed.knobs(), key, keys, x)
    return tuple(found)


def check_read(model: Model, unread: tuple[str, ...]) -> None:
    """Refuse a setting that is not at its default and that nothing reads.

    Raises:
        ValueError: names the setting.

    >>> from vae_jax.models import MLP
    >>> check_read(MLP(skip=True), ("skip",))
    Traceback (most recent call last):
    ValueError: `skip` must be left out, or read by `model` mlp: it ... got True. ...
    """
    for name in unread:
        value = getattr(model, name)
        if value != type(model).settings()[name].default:
            where = "knobs" if name in Knobs._fields else "config"
            raise ValueError(
                f"`{name}` must be left out, or read by `model` {model.chosen_name}: it "
                f"changes nothing there; got {value!r}. Read `{where}.{name}`, or leave "
                "the setting out."
            )


def _tried(
    run: Run, knobs: Knobs, facts: Facts, key: Any, keys: Any, x: Any
) -> list[str]:
    model, what = run.model, f"`model` {run.model.chosen_name}"
    config = None
    if isinstance(model, OwnModel):
        config = model.config(facts, run.likelihood)
        vae = model.built(config, facts)
    else:
        vae = ask(model.build, VAE, facts, run.likelihood)
    params = attempt(lambda: vae.init(key), f"{what}: its init", "(key)")
    _check_params(params, what)
    for one in (None, keys):
        z = _encoded(vae, params, x, one, knobs, what)
        _check_posterior(z, model, what)
        output = _decoded(vae, params, z.mean, x, one, knobs, what)
        check_output(run, output, x, what)
    whole = model.make(facts, run.likelihood, vae)
    if whole is not vae:
        params_of_whole = whole.init(key)
        z = _encoded(whole, params_of_whole, x, keys, knobs, what)
        output = _decoded(whole, params_of_whole, z.mean, x, keys, knobs, what)
    check_output(run, output, x, what, run.likelihood.density(facts))
    if not isinstance(model, OwnModel) or config is None:
        return []
    unused = _unused(vae, params, x, keys, knobs)
    never = model.ignored(config)
    return [*never, *(name for name in model.knobs() if name in unused)]


def _encoded(vae: VAE, params: Any, x: Any, key: Any, knobs: Any, what: str) -> Any:
    return attempt(
        lambda: vae.encode(params, x, key=key, knobs=knobs),
        f"{what}: its encode",
        f"(params, x, key={_shown(key)}, knobs=Knobs())",
        lambda error: _fix(error, key),
    )


def _decoded(
    vae: VAE, params: Any, z: Any, x: Any, key: Any, knobs: Any, what: str
) -> Any:
    return attempt(
        lambda: vae.decode(params, z, x, key=key, knobs=knobs),
        f"{what}: its decode",
        f"(params, z, x, key={_shown(key)}, knobs=Knobs())",
        lambda error: _fix(error, key),
    )


def _shown(key: Any) -> str:
    return "None" if key is None else "two keys"


def _fix(error: Exception, key: Any) -> str:
    """What is wrong with how a function takes `key` and `knobs`, if that it is."""
    text = str(error)
    if isinstance(error, TypeError) and "unexpected keyword argument" in text:
        return BY_NAME if "'key'" in text or "'knobs'" in text else ""
    if key is None:
        return NO_KEY if "None" in text or "PRNG" in text else ""
    # without keys it has passed before
    return KEYS if "key" in text.lower() or "rng" in text.lower() else ""


def _check_params(params: Any, what: str) -> None:
    """Refuse leaves that no gradient is of.

    Raises:
        ValueError: names the first, its dtype and the fix.
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        dtype = getattr(leaf, "dtype", None)
        if isinstance(leaf, float) or (
            dtype is not None and jnp.issubdtype(dtype, jnp.floating)
        ):
            continue
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        got = type(leaf).__name__ if dtype is None else f"dtype {dtype}"
        raise ValueError(
            f"{what}: its init must return parameters alone, arrays of floats that are "
            f"trained; got {name!r}, of {got}. Keep the rest out of them: of flax nnx "
            "`nnx.split(net, nnx.Param, ...)`, of equinox "
            "`eqx.partition(net, eqx.is_inexact_array)`, else as a constant."
        )


def _check_posterior(posterior: Any, model: Model, what: str) -> None:
    """Refuse what is no Gaussian a unit of z and example.

    Raises:
        ValueError: says what it is, and the fix.
    """
    size = model.latent_dim
    shapes = [getattr(part, "shape", None) for part in jax.tree.leaves(posterior)]
    is_gaussian = isinstance(posterior, DiagGaussian)
    if is_gaussian and shapes == [(2, size)] * 2:
        return
    fix = f"Make it of `latent_dim`, {size}, or set `latent_dim` to what the model has."
    if not is_gaussian:
        fix = WRAP
    elif any(shape is None or shape[:1] != (2,) for shape in shapes):
        fix = "The first axis is that of the examples."
    elif isinstance(model, OwnModel):
        fix = "Use `config.latent_dim`, or set `latent_dim` to what the model has."
    raise ValueError(
        f"{what}: its encode must return a vae_jax.DiagGaussian of shape (batch, "
        f"latent_dim), (2, {size}) for two examples; got {_kind(posterior)} of {shapes}."
        f" {fix}"
    )


def _kind(made: Any) -> str:
    return "an array" if hasattr(made, "shape") else type(made).__name__


def _unused(vae: VAE, params: Any, x: Any, keys: Any, knobs: Knobs) -> list[str]:
    """The knobs that neither of the functions computes with, in training or evaluation."""

    def called(knobs: Knobs) -> Any:
        found = []
        for key in (None, keys):
            posterior = vae.encode(params, x, key=key, knobs=knobs)
            output = vae.decode(params, posterior.mean, x, key=key, knobs=knobs)
            found.append((posterior, output))
        return found

    traced = jax.make_jaxpr(called)(knobs).jaxpr
    read = [*traced.outvars, *(one for eqn in traced.eqns for one in eqn.invars)]
    names = zip(Knobs._fields, traced.invars, strict=True)
    return [name for name, var in names if not any(var is one for one in read)]
