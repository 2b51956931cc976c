"""Understanding and curing posterior collapse in variational autoencoders.

Closed-form pieces at the bottom, one pure train step in the middle, one compiled sweep
above it, pictures on top. Every name is imported when it is first used: somebody who
wants a loss function pays for JAX alone, somebody who reads results not even for that.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vae_jax import (
        analytic,
        assembly,
        checkpoints,
        configs,
        data,
        diagnostics,
        engines,
        figures,
        folders,
        gaussian,
        likelihoods,
        losses,
        models,
        priors,
        records,
        refinement,
        remedies,
        results,
        schedules,
        sweeps,
        text,
        trained,
        training,
    )
    from vae_jax.conditions import Conditioned
    from vae_jax.trained import open_run
    from vae_jax.vae import FULL_WINDOW, VAE, DiagGaussian, Knobs

__version__ = "0.2.0"

__all__ = [
    "FULL_WINDOW",
    "VAE",
    "Conditioned",
    "DiagGaussian",
    "Knobs",
    "analytic",
    "assembly",
    "checkpoints",
    "configs",
    "data",
    "diagnostics",
    "engines",
    "figures",
    "folders",
    "gaussian",
    "likelihoods",
    "losses",
    "models",
    "open_run",
    "priors",
    "records",
    "refinement",
    "remedies",
    "results",
    "schedules",
    "sweeps",
    "text",
    "trained",
    "training",
]

_CONTRACT = ("FULL_WINDOW", "VAE", "DiagGaussian", "Knobs")


def __getattr__(name: str) -> Any:
    """Import a subpackage, the contract of a model or `open_run`, when it is asked for."""
    if name == "Conditioned":
        return getattr(importlib.import_module("vae_jax.conditions"), name)
    if name in _CONTRACT:
        return getattr(importlib.import_module("vae_jax.vae"), name)
    if name == "open_run":
        return importlib.import_module("vae_jax.trained").open_run
    if name in __all__:
        return importlib.import_module(f"vae_jax.{name}")
    raise AttributeError(f"module 'vae_jax' has no attribute {name!r}")


def __dir__() -> list[str]:
    """All public names, loaded or not."""
    return sorted([*__all__, "__version__"])
