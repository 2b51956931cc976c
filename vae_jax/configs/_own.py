"""Choices of the user's own, by `package.module:name`: records as they are, or functions.

A record is taken as it is: a class that `records.record` made, with the methods of its
choice. A function is called as the record here says.
"""

from typing import Any, ClassVar

import optax

from vae_jax.configs._model_config import ModelConfig, unread
from vae_jax.likelihoods import Density, Likelihood
from vae_jax.models import AnyModel
from vae_jax.own import user_function, user_object
from vae_jax.records import SPEC, Facts, Record, attempt, data, record, shown, static
from vae_jax.schedules import BetaSchedule
from vae_jax.training import OfOptax
from vae_jax.types import Schedule
from vae_jax.vae import VAE

CHECKED = ("model", "latent_dim", "compute")
"""Settings that count although a model does not read them: the size of z is that of the
posterior, and a dtype is put around the model."""


def own_record(choice: str, path: str) -> type[Record]:
    """The record of what a path names.

    Raises:
        ValueError: it is not found; a record of another choice; a function where only a
            record will do.

    >>> own_record("prior", "vae_jax.priors:StandardPrior").name
    'standard'
    """
    found = user_object(path, choice)
    if isinstance(found, type) and issubclass(found, Record) and "made" in vars(found):
        if found.choice != choice:
            raise ValueError(
                f"`{choice}` must name a record of that choice; got {path!r}, a record of "
                f"{found.choice!r}. Make it by `@record({choice!r}, ...)`."
            )
        return found
    if choice not in OF_FUNCTIONS:
        raise ValueError(
            f"`{choice}` must name a record, a class with `@record({choice!r}, ...)`; got "
            f"{path!r}, {type(found).__name__}.{undecorated(choice, found)}"
        )
    if isinstance(found, type):
        raise ValueError(
            f"`{choice}` must name a function or a record; got {path!r}, a class."
            f"{undecorated(choice, found)}"
        )
    made = OF_FUNCTIONS[choice]
    user_function(path, choice, made.arguments)  # type: ignore[attr-defined]
    return made


def undecorated(choice: str, found: object) -> str:
    """What a class lacks to be a record, as a sentence; nothing where it is no class.

    >>> undecorated("remedy", int)
    ' Write `@record("remedy", "int")` of vae_jax.records above the class.'
    """
    if not isinstance(found, type):
        return ""
    name = found.__name__.lower()
    return f' Write `@record("{choice}", "{name}")` of vae_jax.records above the class.'


@record()
class OwnSchedule(BetaSchedule):
    """A function that is called with (beta, num_steps) and returns step -> beta."""

    choice = "schedule"
    arguments: ClassVar[tuple[str, ...]] = ("beta", "num_steps")

    schedule: str = data("`package.module:function`.", kw_only=True)
    allow_unfinished_warmup: bool = data(
        "Train although the run ends before beta has arrived.", default=False
    )

    @property
    def chosen_name(self) -> str:
        """The path of the function."""
        return self.schedule

    def make(self, num_steps: int) -> Schedule:
        """What the function returns."""
        function = user_function(self.schedule, "schedule", self.arguments)
        what = f"`schedule` {self.schedule}"
        called = "(beta, num_steps)"
        made = attempt(lambda: function(self.beta, num_steps), what, called)
        if not callable(made):
            raise ValueError(
                f"{what} must return a function, step -> beta; got {made!r}."
            )
        steps = "all steps in one array, for which jnp.where chooses,"
        returned = f"what {what} returns"
        return lambda step: attempt(lambda: made(step), returned, steps)


@record()
class OwnLikelihood(Density):
    """A function without arguments that returns a `likelihoods.Likelihood`.

    The ready models give it a mean and a log-variance that is learned.
    """

    choice = "likelihood"
    arguments: ClassVar[tuple[str, ...]] = ()
    head = "gaussian_learned"

    likelihood: str = static("`package.module:function`.")

    @property
    def chosen_name(self) -> str:
        """The path of the function."""
        return self.likelihood

    def density(self, facts: Facts) -> Likelihood:
        """What the function returns.

        Raises:
            ValueError: it raises, or returns no `Likelihood`.
        """
        del facts
        what = f"`likelihood` {self.likelihood}"
        function = user_function(self.likelihood, "likelihood", self.arguments)
        made = attempt(function, what, "()")
        if not isinstance(made, Likelihood):
            raise ValueError(
                f"{what} must return a vae_jax.likelihoods.Likelihood; got {type(made)}."
            )
        return made


@record()
class OwnOptimizer(OfOptax):
    """A function that is called with (learning_rate) and returns one of optax's."""

    choice = "optimizer"
    arguments: ClassVar[tuple[str, ...]] = ("learning_rate",)

    optimizer: str = static("`package.module:function`.", kw_only=True)

    @property
    def chosen_name(self) -> str:
        """The path of the function."""
        return self.optimizer

    def plain(self) -> optax.GradientTransformation:
        """The function's, its learning rate injected.

        Raises:
            ValueError: when it is called, if it raises, or returns no transformation.
        """
        function = user_function(self.optimizer, "optimizer", self.arguments)
        what = f"`optimizer` {self.optimizer}"

        def of(learning_rate: Any) -> optax.GradientTransformation:
            made = attempt(lambda: function(learning_rate), what, "(learning_rate)")
            if not isinstance(made, optax.GradientTransformation):
                raise ValueError(
                    f"{what} must return an optax.GradientTransformation; got "
                    f"{shown(made)}."
                )
            return made

        inject = optax.inject_hyperparams(of)
        injected: optax.GradientTransformation = inject(learning_rate=0.0)
        return injected


@record()
class OwnModel(AnyModel):
    """A function that is called with (config, event_shape) and returns a `vae_jax.VAE`.

    `config` has the settings that shape a model, the name of the `likelihood` as the ready
    models take it, and the `max_value` of the data. A window, a dropout or a slope reaches
    the functions as `knobs`, which are data.
    """

    choice = "model"
    arguments: ClassVar[tuple[str, ...]] = ("config", "event_shape")
    of_sentences = None  # type: ignore[assignment]
    sees_data = True

    model: str = static("`package.module:function`.", kw_only=True)

    @property
    def chosen_name(self) -> str:
        """The path of the function."""
        return self.model

    def returns(self, head: str) -> bool:
        """Whatever it wants."""
        del head
        return True

    def config(self, facts: Facts, density: Density) -> ModelConfig:
        """What the function is called with beside the shape of an example."""
        # what is data reaches the model as knobs, and is no number while it is built
        own = {name: getattr(self, name) for name in self.held()}
        return ModelConfig(
            own | {"likelihood": density.head, "max_value": facts.max_value}
        )

    @classmethod
    def held(cls) -> list[str]:
        """The names of the settings that `config` holds."""
        known = cls.settings().items()
        return [name for name, field in known if not field.metadata[SPEC].is_data]

    def ignored(self, config: ModelConfig) -> list[str]:
        """Settings that the function has not read; of two the package itself takes care."""
        names = unread(config)
        return [name for name in self.held() if name in names and name not in CHECKED]

    def build(self, facts: Facts, density: Density) -> VAE:
        """What the function returns."""
        return self.built(self.config(facts, density), facts)

    def built(self, config: ModelConfig, facts: Facts) -> VAE:
        """What the function returns of this `config`.

        Raises:
            ValueError: it raises, or returns no `VAE`.
        """
        what = f"`model` {self.model}"
        function = user_function(self.model, "model", self.arguments)
        called = "(config, event_shape)"
        made = attempt(lambda: function(config, facts.event_shape), what, called)
        if not isinstance(made, VAE) or not all(map(callable, made[:3])):
            raise ValueError(
                f"{what} must return a vae_jax.VAE of three functions, init, encode and "
                f"decode; got {made if isinstance(made, VAE) else type(made)}."
            )
        return made


OF_FUNCTIONS: dict[str, type[Record]] = {
    "model": OwnModel,
    "schedule": OwnSchedule,
    "likelihood": OwnLikelihood,
    "optimizer": OwnOptimizer,
}
"""Choices that a function may make."""
