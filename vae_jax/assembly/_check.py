"""What a config must fit before anything is compiled."""

from vae_jax import data, schedules
from vae_jax.assembly._hyper import beta_schedule, warmup_steps
from vae_jax.configs import RunConfig


def check(config: RunConfig, dataset: data.Dataset) -> None:
    """Refuse a config that does not fit its data, or whose warm-up outlasts the run.

    Raises:
        ValueError: names the field, its value, what is allowed and the fix.

    >>> check(RunConfig(), data.load("digits"))
    """
    size = len(dataset.train.images)
    if config.batch_size > size:
        raise ValueError(
            f"`batch_size` must be at most the {size} training examples of "
            f"{dataset.name}; got {config.batch_size}."
        )
    if config.likelihood == "bernoulli" and config.binarize == "none":
        raise ValueError(
            "`likelihood='bernoulli'` is a density of binary data only; got "
            "binarize='none'. Use binarize='static' or 'dynamic', or a Gaussian "
            "likelihood."
        )
    check_warmup(config)


def check_warmup(config: RunConfig) -> None:
    """Refuse a schedule that has not arrived at `beta` when the run ends.

    Raises:
        ValueError: the last update's beta is under 99 % of `beta`.

    >>> check_warmup(RunConfig(schedule="linear", warmup_steps=100))
    """
    if config.allow_unfinished_warmup or not config.beta:
        return
    if config.schedule in ("constant", "cyclical"):
        return
    try:
        schedules.check_warmup(beta_schedule(config), config.num_steps, config.beta)
    except ValueError as error:
        raise ValueError(
            f"`warmup_steps` must end within `num_steps`; got {warmup_steps(config)} "
            f"of {config.num_steps} steps with a {config.schedule} schedule. {error} "
            "To train so all the same, set `allow_unfinished_warmup`."
        ) from error
