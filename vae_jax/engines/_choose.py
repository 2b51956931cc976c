"""The engines by their names."""

from vae_jax.engines._launch import Engine
from vae_jax.engines._resources import Resources

ENGINES = ("local", "ray", "slurm")


def engine(name: str, resources: Resources = Resources()) -> Engine:  # noqa: B008
    """An engine, by its name.

    Args:
        name: `local`, `ray` or `slurm`.
        resources: of each process.

    Raises:
        ValueError: no such engine, its package is not installed, or it is not to be had
            here; says how to get it.

    >>> type(engine("local")).__name__
    'Local'
    """
    resources.check()
    if name == "local":
        from vae_jax.engines._local import Local

        return Local(resources)
    if name == "ray":
        from vae_jax.engines._ray import OnRay

        return OnRay(resources)
    if name == "slurm":
        from vae_jax.engines._slurm import Slurm

        return Slurm(resources)
    raise ValueError(f"`engine` must be one of {', '.join(ENGINES)}; got {name!r}.")
