"""The command line: `vae-jax` train, sweep, diagnose, report, forecast, doctor."""

from vae_jax.cli._main import main

__all__ = ["main"]
