"""The runs of `lagging_point`: fifty sentences as the only batch, looked at every step."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from experiments._parts.he_sentences import MODEL, true_posterior
from experiments._parts.point_rows import WAYS
from vae_jax import (
    assembly,
    gaussian,
    likelihoods,
    training,
)
from vae_jax.configs import Run, from_mapping
from vae_jax.vae import VAE

SEEDS = (0, 1, 2, 3, 4)
POINTS, SEEN = 50, 20
"""Sentences trained on, and of them those that are looked at."""
STEPS = {"basic": 300, "aggressive": 20}
"""Updates of the decoder; the paper draws the loops of the sixth to the tenth."""
MOMENTS = {
    "basic": (*range(0, 20, 2), *range(20, STEPS["basic"], 20)),
    "aggressive": tuple(range(STEPS["aggressive"])),
}
"""Updates after which a run is observed, besides its end."""
BASE: dict[str, Any] = {
    **MODEL,
    "batch_size": POINTS,
    "log_every": 10,
    "eval_split": "train",
    "eval_samples": 2,
}
GRID = np.arange(-100, 100, dtype=np.float32) / 10
NEVER = 2**30
"""Failures of the information after which the encoder waits no more."""


def configs_of(smoke: bool = False, seeds: Sequence[int] = SEEDS) -> list[Run]:
    """Both ways of training with every seed."""
    made = [
        from_mapping(
            {**BASE, "inference": inference, "num_steps": STEPS[way], "seed": s}
        )
        for inference, way in WAYS.items()
        for s in (seeds[:1] if smoke else seeds)
    ]
    small = {"num_steps": 2, "log_every": 2, "hidden": (4,), "embedding": 4}
    return [one.changed(**small) for one in made] if smoke else made


def way_of(config: Run) -> str:
    """What the page calls a way of training."""
    return WAYS[config["inference"]]


def moments_of(config: Run) -> list[int]:
    """The moments that a run of so many steps has before its end."""
    return [step for step in MOMENTS[way_of(config)] if step < config.num_steps]


def make_job(config: Run) -> assembly.Job:
    """The run of a config, observed on the way."""
    job, kit = assembly.job(config), assembly.kit(config)
    program = job.program
    if way_of(config) == "aggressive":
        program = aggressive_program(config, kit, program)
    observe = observer(kit.vae, kit.density)
    program = training.with_snapshots(program, moments_of(config), observe)
    own = np.asarray(job.splits.train)[:POINTS]
    return job._replace(program=program, splits=training.Splits(own, own))


def aggressive_program(
    config: Run, kit: assembly.Kit, judged: training.Program
) -> training.Program:
    """Aggressive training that never ends: of one batch an epoch is one step.

    The authors judge the information after a thousand steps, which is long after these.
    """

    def loss(params: Any, batch: Any, hyper: Any, keys: Any) -> Any:
        now = assembly.objective(hyper.settings, kit.vae, kit.density, kit.facts)
        return now(params, batch, hyper, keys)

    return training.make_aggressive_program(
        kit.vae,
        loss,
        config.optimizer.make(),
        kit.prepare,
        judged.evaluate,
        config.batch_size,
        loop=training.InnerLoop(patience=NEVER),
    )


def observer(
    vae: VAE, density: likelihoods.Likelihood
) -> Callable[..., dict[str, Any]]:
    """Both means of z of every sentence, and how well the grid holds the true one."""

    def observe(params: Any, key: Any, hyper: Any, splits: Any) -> dict[str, Any]:
        del key, hyper
        x = jnp.asarray(splits.train)[:SEEN]

        exact = true_posterior(vae, density, params, x, GRID)
        posterior = vae.encode(params, x)
        everyone = vae.encode(params, jnp.asarray(splits.train))
        return {
            "model": exact.mean[:, 0],
            "encoder": posterior.mean[:, 0],
            "width": jnp.sqrt(exact.covariance[:, 0, 0]),
            "edge": jnp.max(exact.edge_mass),
            "rate": jnp.mean(gaussian.kl_standard(*everyone).sum(axis=-1)),
        }

    return observe
