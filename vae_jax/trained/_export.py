"""A member in files that run without this package: parameters, three functions, a card.

The functions are StableHLO, as `jax.export` writes it, with the parameters inside. Each is
the function of one example under `vmap`, so that the number of examples is a symbol.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

from vae_jax import assembly, models, results, training
from vae_jax.trained._card import card
from vae_jax.trained._functions import density, exactly
from vae_jax.trained._inputs import STORED
from vae_jax.types import Array, Params

if TYPE_CHECKING:
    from vae_jax.trained._member import Member

PLATFORMS = ("cpu", "cuda", "tpu")


def export_member(member: "Member", folder: Path) -> Path:
    """Write everything into a new or empty folder; the card last.

    Raises:
        FileExistsError: the folder holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"{folder} must be a new or empty folder for an export; it holds something "
            "already. Name another."
        )
    made = artifacts(member)
    folder.mkdir(parents=True, exist_ok=True)
    knobs = {name: value.tolist() for name, value in knobs_of(member)._asdict().items()}
    about = {"knobs": json.dumps(knobs)}
    results.write_params(folder, "params.safetensors", member.params, about)
    for name, artifact in made.items():
        (folder / f"{name}.bin").write_bytes(artifact)
    (folder / "card.md").write_text(card(member))
    return folder


def knobs_of(member: "Member") -> Any:
    """The knobs as numpy's: JAX takes its own arrays out of what it exports."""
    return jax.tree.map(np.asarray, member.knobs)


def artifacts(member: "Member") -> dict[str, bytes]:
    """`prepare`, `encoder` and `decoder`, serialised.

    Needs a trained member; `Member.export` calls it.
    """
    (size,) = jax.export.symbolic_shape("n")
    kind = STORED[member.facts.kind]
    seen, latent = member.seen, member.run.model.latent_dim

    def many(event: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((size, *event), dtype)

    x, z = many(seen.shape[1:], seen.dtype), many((latent,), jnp.float32)
    told = member.one_condition
    beside = () if told is None else (many(told.shape[1:], told.dtype),)
    reads = (x,) if member.reads_data else ()
    return {
        "prepare": serialised(prepare_of(member), many(member.facts.event_shape, kind)),
        "encoder": serialised(encoder_of(member), x, *beside),
        "decoder": serialised(decoder_of(member), z, *reads, *beside),
    }


def constants(member: "Member") -> Params:
    """The parameters inside of what is traced; a token cannot be looked up in numpy's."""
    return jax.tree.map(jnp.asarray, member.params)


def serialised(function: Callable[..., Any], *shapes: jax.ShapeDtypeStruct) -> bytes:
    """A function for any number of examples on any of the platforms."""
    made = jax.export.export(jax.jit(function), platforms=PLATFORMS)(*shapes)
    return bytes(made.serialize())


def prepare_of(member: "Member") -> Callable[[Array], Array]:
    """`stored -> x`, with the draws of the run's evaluation where there are any.

    Of data that were scaled, the numbers of the file take the place of stored ones.
    """
    run, facts, root = member.settings, member.facts, member.evaluation_key()

    def one(index: Array, stored: Array) -> Array:
        if member.about.scales:
            low, rest, factor = scale_of(member)
            stored = ((stored - low) - rest) / factor
        keys, _ = training.split_each(training.fold_indices(root, index[None]))
        prepared = assembly.prepared_alone(run, facts.max_value)
        x: Array = prepared(keys, stored[None])[0]
        return x

    def prepare(stored: Array) -> Array:
        return jax.vmap(one)(jnp.arange(stored.shape[0]), stored)

    return prepare


def scale_of(member: "Member") -> tuple[Any, Any, Any]:
    """The offset in two parts of float32, whose sum is it to float64, and the factor."""
    origin = member.about.origin
    assert origin is not None
    low = np.float32(origin.offset)
    return low, np.float32(origin.offset - low), np.float32(origin.factor)


def encoder_of(member: "Member") -> Callable[..., tuple[Array, Array]]:
    """`x -> (mean, logvar)` of the posterior; `(x, c)` where it is told a condition."""

    def one(run: Any, x: Array, *told: Array) -> tuple[Array, Array]:
        vae = assembly.model(run, member.facts)
        for condition in told:
            vae = models.given(vae, condition[None])
        found = vae.encode(constants(member), x[None], knobs=knobs_of(member))
        return found.mean[0], found.logvar[0]

    return jax.vmap(lambda *args: exactly(one)(member.settings, *args))


def decoder_of(member: "Member") -> Callable[..., tuple[Array, tuple[Array, ...]]]:
    """`z -> (mean, parameters)` of the likelihood, the mean in the scale of the file.

    `(z, x)` where it reads the data; the condition last, where it is told one.
    """

    def one(run: Any, z: Array, *beside: Array) -> tuple[Array, tuple[Array, ...]]:
        vae, family = assembly.model(run, member.facts), density(run, member.facts)
        seen = [each[None] for each in beside]
        if member.condition is not None:
            vae = models.given(vae, seen.pop())
        output = vae.decode(constants(member), z[None], *seen, knobs=knobs_of(member))
        mean = family.mean(output)[0]
        if member.about.scales:
            low, rest, factor = scale_of(member)
            mean = mean * factor + rest + low
        # a number that all examples share has no axis of them
        leaves = (
            leaf[0] if jnp.ndim(leaf) else leaf for leaf in jax.tree.leaves(output)
        )
        return mean, tuple(jnp.asarray(leaf) for leaf in leaves)

    return jax.vmap(lambda *args: exactly(one)(member.settings, *args))
