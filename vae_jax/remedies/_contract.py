"""What a remedy is: a record that says what it changes, and does nothing else."""

from typing import Any, ClassVar, NamedTuple

import optax

from vae_jax.likelihoods import Likelihood
from vae_jax.records import Facts, Record, record
from vae_jax.training import (
    Auxiliary,
    Calibrate,
    Feedback,
    Objective,
    Prepare,
    Program,
    RatePenalty,
    Regulariser,
)
from vae_jax.types import Schedule
from vae_jax.vae import VAE, Prior

SWITCHED = "remedy"
"""Ready remedies of this choice are chosen by giving their first setting, own ones by their
path; several paths are one text, with commas between them."""


class Parts(NamedTuple):
    """What a run is made of, for a remedy that changes how it trains.

    Attributes:
        settings: the run, its data traced.
        facts: of its data set.
        vae: the model, with its posterior and prior.
        density: of the data.
        prepare: turns stored examples into the model's input.
        loss: the objective.
        optimizer: of the parameters.
        evaluate: of the whole run.
        feedback: what steers beta, if anything does.
        calibrate: what turns trained parameters into those that are kept.

    >>> Parts._fields[:3]
    ('settings', 'facts', 'vae')
    """

    settings: Any
    facts: Facts
    vae: VAE
    density: Likelihood
    prepare: Prepare
    loss: Objective
    optimizer: optax.GradientTransformation
    evaluate: Any
    feedback: Feedback | None
    calibrate: Calibrate | None


@record()
class Remedy(Record):
    """A change of a run that is meant to cure collapse; each hook leaves all as it is.

    A remedy of your own is a subclass with `@record("remedy", "its_name")` and the hooks
    that it needs, chosen by its path; a ready one is chosen by its first setting, which has
    its name.

    Attributes:
        sets: what no other remedy may set beside it, in words: `the charge for the rate`,
            `the posterior`, `beta`, `the objective`, `how a run is trained`.
        rank: those of a lower one are applied first.
        needs_standard_prior: it is defined against N(0, I).
        needs_elbo: it has no meaning in an importance-weighted bound.
        validates: it judges by the validation set while a run trains.
        has_phases: at first it trains another objective than the run's.
        labelled: its model takes examples with their labels, `conditions.Conditioned`.
        of_covariates: in the place of labels it takes vectors of covariates.
    """

    sets: ClassVar[str] = ""
    rank: ClassVar[int] = 0
    needs_standard_prior: ClassVar[bool] = False
    needs_elbo: ClassVar[bool] = False
    validates: ClassVar[bool] = False
    has_phases: ClassVar[bool] = False
    labelled: ClassVar[bool] = False
    of_covariates: ClassVar[bool] = False

    @property
    def cells(self) -> int | None:
        """Cells that covariates are compared in; None where it is found out."""
        return None

    @property
    def said(self) -> str:
        """How it is chosen in the text form."""
        switched = self.choice == SWITCHED and not self.is_own
        return f"`{self.name}`" if switched else f"{self.choice}={self.chosen_name!r}"

    @property
    def is_off(self) -> bool:
        """Whether its settings say that there is none."""
        return self == type(self).absent()

    @property
    def yields(self) -> bool:
        """Whether it does nothing by its numbers, and gives way to any other."""
        return False

    @property
    def least_rate(self) -> float:
        """Nats of rate that every unit has whatever is charged for it."""
        return 0.0

    @classmethod
    def absent(cls) -> "Remedy | None":
        """What does nothing in its place, so that runs with and without share a program.

        Of ready remedies; a run with one of your own has a program of its own.
        """
        return None

    def conflict(self, run: Any) -> str | None:
        """Why it cannot be one of this run's, as a whole sentence with the fix."""
        del run
        return None

    def wrap(self, vae: VAE, run: Any, facts: Facts) -> VAE:
        """The model with another posterior, prior or with parameters of the remedy's."""
        del run, facts
        return vae

    def law(self, prior: Prior) -> Prior:
        """The prior that is not N(0, I), changed."""
        return prior

    def penalty(self) -> RatePenalty | None:
        """What the loss charges for the rate; the settings are those of the step."""
        return None

    def regulariser(self, facts: Facts) -> Regulariser | None:
        """What is charged beside the rate."""
        del facts
        return None

    def auxiliary(self, facts: Facts) -> Auxiliary | None:
        """A loss of its own beside the ELBO; `own_params` finds what `wrap` added."""
        del facts
        return None

    def feedback(self) -> Feedback | None:
        """What steers beta."""
        return None

    def objective(self, vae: VAE, density: Likelihood) -> Objective | None:
        """A loss in the place of the ELBO."""
        del vae, density
        return None

    def betas(self, made: Schedule) -> Schedule:
        """The schedule of beta, changed."""
        return made

    def program(self, parts: Parts) -> Program | None:
        """Another way to train."""
        del parts
        return None

    def around(self, program: Program, parts: Parts) -> Program:
        """Something done before, after or between the steps."""
        del parts
        return program
