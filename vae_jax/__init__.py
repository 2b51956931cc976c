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
        figures,
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
        training,
    )
    from vae_jax.conditions import Conditioned
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
    "figures",
    "gaussian",
    "likelihoods",
    "losses",
    "models",
    "priors",
    "records",
    "refinement",
    "remedies",
    "results",
    "schedules",
    "sweeps",
    "text",
    "training",
]

_CONTRACT = ("FULL_WINDOW", "VAE", "DiagGaussian", "Knobs")


def __getattr__(name: str) -> Any:
    """Import a subpackage, or the contract of a model, when it is first asked for."""
    if name == "Conditioned":
        return getattr(importlib.import_module("vae_jax.conditions"), name)
    if name in _CONTRACT:
        return getattr(importlib.import_module("vae_jax.vae"), name)
    if name in __all__:
        return importlib.import_module(f"vae_jax.{name}")
    raise AttributeError(f"module 'vae_jax' has no attribute {name!r}")


def __dir__() -> list[str]:
    """All public names, loaded or not."""
    return sorted([*__all__, "__version__"])
