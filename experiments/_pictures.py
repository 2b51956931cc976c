"""What a trained model draws: reconstructions, samples, a path between two codes."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import assembly, models, results
from vae_jax.configs import Run

NUM = 8
"""Images a row."""

SAMPLES = "samples (new noise each)"


def draw_member(out: Path, config: Run, member: int) -> dict[str, np.ndarray]:
    """Rows of images by a stored member: each `(NUM, height, width)`.

    Reconstructions and the path share the decoder's noise, so that their images differ
    only where z makes them differ. Samples have noise and z of their own.
    """
    kit, params = assembly.kit(config), results.load(out, member)
    vae, knobs, stored = kit.vae, kit.knobs, kit.dataset.test.images[:NUM]
    noise_key, prior_key, data_key = jax.random.split(jax.random.key(0), 3)
    images = kit.prepare(jax.random.split(data_key, NUM), stored)
    mean = vae.encode(params, images, knobs=knobs).mean
    share = jnp.linspace(0, 1, NUM)[:, None]
    rows = {
        "reconstructions": mean,
        "path from 1st to 2nd": (1 - share) * mean[:1] + share * mean[1:2],
        SAMPLES: jax.random.normal(prior_key, mean.shape),
    }

    def draw(name: str, z: Any) -> np.ndarray:
        own = jax.random.split(noise_key, NUM)
        keys = own if name == SAMPLES else jnp.broadcast_to(noise_key, (NUM,))
        return np.asarray(
            models.sample(
                keys, vae, kit.density, params, z, stored.shape[1:], knobs=knobs
            )
        )

    drawn = {name: draw(name, z) for name, z in rows.items()}
    return {"test images": np.asarray(images), **drawn}


def save_arrays(path: Path, nested: dict[str, dict[str, np.ndarray]]) -> None:
    """Two levels of named arrays in one file."""
    flat: dict[str, Any] = {
        f"{outer}/{inner}": array
        for outer, arrays in nested.items()
        for inner, array in arrays.items()
    }
    np.savez_compressed(path, **flat)


def load_arrays(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """What `save_arrays` wrote, in its order."""
    nested: dict[str, dict[str, np.ndarray]] = {}
    with np.load(path) as flat:
        for name in flat.files:
            outer, inner = name.split("/")
            nested.setdefault(outer, {})[inner] = flat[name]
    return nested
