"""Records of a user's own: what they may be, and what is refused before a run."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import assembly, configs, records, sweeps
from vae_jax.configs import Run
from vae_jax.data import DataSet, Images, load
from vae_jax.likelihoods import Density, bernoulli
from vae_jax.models import Model
from vae_jax.priors import PriorChoice
from vae_jax.records import data, parts, record, static
from vae_jax.remedies import FreeBits, ImportanceWeighting, Remedy
from vae_jax.schedules import BetaSchedule, Constant, Linear, Ramp
from vae_jax.training import Optimizer


@record("remedy", "charge")
class Charge(Remedy):
    """Its own charge for the rate, and no word about it."""

    charge: float = data("Its weight.", default=1.0, low=0)

    def penalty(self):
        return lambda kl, hyper: self.charge * jnp.sum(kl, axis=-1)


@record("remedy", "other")
class Other(Charge):
    """A setting of the same name."""

    def betas(self, made):
        return made


@record("remedy", "second_beta")
class SecondBeta(Remedy):
    """A setting that a schedule has."""

    beta: float = data("Another one.", default=1.0)


@record("remedy", "nested")
class Nested(Remedy):
    """A record that holds one."""

    inner: BetaSchedule = parts(Linear())


@record("remedy", "wordy")
class Wordy(Remedy):
    """Text that would be a leaf of the program."""

    kind: str = data("Of something.", default="a")


@record("prior", "never")
class Never(PriorChoice):
    """A prior with a reason against every run."""

    def conflict(self, run):
        return "`prior` never fits."

    def prior(self, vae, latent_dim, facts):
        return None


@record("schedule", "late")
class Late(BetaSchedule):
    """Half of a run without a charge."""

    def make(self, num_steps):
        return lambda step: jnp.where(2 * step < num_steps, 0.0, self.beta)


@record()
class Later(Late):
    """A record of no choice."""


class Plain(Late):
    """No record of its own."""


@record("dataset", "halved")
class Halved(Images):
    """Digits of which half are there."""

    def load(self):
        whole = load("digits")
        few = type(whole.train)(whole.train.images[:600], whole.train.labels[:600])
        return whole._replace(train=few)


def test_a_record_of_ones_own_has_its_path():
    run = Run(beta=Late(0.1), remedies=(Charge(2.0),))
    written = configs.to_mapping(run)
    assert written["schedule"] == f"{__name__}:Late"
    assert written["remedy"] == f"{__name__}:Charge"
    assert configs.from_mapping(written) == run
    assert set(assembly.named_sources(run)) == {written["schedule"], written["remedy"]}
    changed = Run.of(free_bits=0.0).changed(remedy=written["remedy"], charge=3.0)
    assert changed.remedies[0].charge == 3.0
    assert changed.changed(remedy="none") == Run()
    freed = Run.of(free_bits=0.2).changed(posterior="delta", committed_rate=0.1)
    assert freed.changed(remedy="none") == freed


def test_a_ready_record_by_its_path_is_the_ready_one():
    run = Run.of(prior="vae_jax.priors:DiagonalPrior")
    assert run == Run.of(prior="diagonal")
    assert configs.to_mapping(run)["prior"] == "diagonal"


def test_data_of_ones_own_stay_what_they_are():
    run = Run(data=Halved(), batch_size=600, num_steps=50)
    assert type(run.data) is Halved
    assert type(configs.from_mapping(configs.to_mapping(run)).data) is Halved
    assert assembly.job(run).splits.train.shape[0] == 600
    assert Run.of(dataset=f"{__name__}:Halved", num_epochs=50).num_steps == 200


@record("likelihood", "forgetful")
class Forgetful(Density):
    """A density without a return."""

    def density(self, facts):
        bernoulli()


@record("optimizer", "plain_number")
class PlainNumber(Optimizer):
    """No transformation."""

    def make(self):
        return 1e-3


@record("model", "unbuilt")
class Unbuilt(Model):
    """A name for a model."""

    def build(self, facts, density):
        return "mlp"


@record("prior", "lawless")
class Lawless(PriorChoice):
    """No law."""

    def prior(self, vae, latent_dim, facts):
        return None


@record("schedule", "standing")
class Standing(BetaSchedule):
    """A number for a function."""

    def make(self, num_steps):
        return self.beta


@record("schedule", "rampless")
class Rampless(Ramp):
    """A number for a ramp."""

    def ramp(self, num_steps):
        return 0.0


@record("dataset", "bare_array")
class BareArray(Images):
    """An array for a data set."""

    def load(self):
        return np.zeros((10, 8, 8), np.uint8)


@record("dataset", "unprepared")
class Unprepared(Images):
    """No function for its examples."""

    def prepare(self, wants, max_value):
        return None


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (
            lambda: Run(likelihood=Forgetful()),
            "Forgetful: its density must .*; got None",
        ),
        (
            lambda: Run(optimizer=PlainNumber()),
            "PlainNumber: its make must return a optax.*GradientTransformation; got 0.001",
        ),
        (
            lambda: Run(model=Unbuilt()),
            "Unbuilt: its build must return a vae_jax.vae.VAE; got 'mlp'",
        ),
        (lambda: Run(prior=Lawless()), "its prior must return a vae_jax.vae.Prior"),
        (lambda: Run(beta=Standing()), "its make must return a function; got 1.0"),
        (lambda: Run(beta=Rampless()), "its ramp must return a function; got 0.0"),
        (lambda: Run(data=BareArray()), "its load must return a vae_jax.data.Dataset"),
        (
            lambda: Run(data=Unprepared()),
            "its prepare must return a function; got None",
        ),
    ],
)
def test_what_a_record_makes_is_of_its_kind(run, message):
    with pytest.raises(ValueError, match=message):
        assembly.job(run())


@pytest.mark.parametrize(
    ("base", "methods"),
    [
        (BetaSchedule, "`make`"),
        (Ramp, "`ramp`"),
        (Model, "`build`"),
        (Density, "`density`"),
        (PriorChoice, "`prior`"),
        (DataSet, "`load` and `prepare`"),
        (Optimizer, "`make`"),
    ],
)
def test_a_record_without_the_method_of_its_choice_is_refused(base, methods):
    with pytest.raises(ValueError, match=f"Empty, .* must have its own {methods}; got"):

        @record("anything", "empty")
        class Empty(base):
            """Nothing of its own."""


@record("remedy", "misspelt")
class Misspelt(Remedy):
    """A method that nobody asks for."""

    def penalti(self):
        return None


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            lambda: Run(remedies=(Misspelt(),)),
            "must change something by a method of its",
        ),
        (
            lambda: Run.of(posterior="delta", committed_rate=0.5, free_bits=0.4),
            "`free_bits` must be above the 0.5 nats that the posterior has anyway",
        ),
        (
            lambda: Run.of(
                posterior="delta", free_bits=0.7, free_bits_over="total", latent_dim=8
            ),
            "must be above the 0.8 nats",
        ),
        (
            lambda: Run(remedies=(Charge(), FreeBits(0.1))),
            "may have a penalty of its own",
        ),
        (
            lambda: Run(remedies=(ImportanceWeighting(4), Charge())),
            "takes the place of the ELBO, of which remedy='test_own_records:Charge'",
        ),
        (lambda: Run(remedies=(Charge(), Other())), "`charge` is a setting of remedy="),
        (lambda: Run(remedies=(SecondBeta(),)), "`beta` is a setting of schedule="),
        (lambda: Run(remedies=(Nested(),)), "must have plain settings alone"),
        (lambda: Run(remedies=(Wordy(),)), "`kind` of remedy=.* Make it `static`"),
        (lambda: Run(prior=Never()), "`prior` never fits"),
        (lambda: Run(beta=Later()), "`beta` must be a BetaSchedule, made by"),
        (lambda: Plain(), "Plain must be made a record itself"),
        (lambda: Charge(charge=-1.0), "`charge` must be finite and at least 0"),
    ],
)
def test_what_would_be_lost_or_do_nothing_is_refused(made, message):
    with pytest.raises(ValueError, match=message):
        made()


def test_a_whole_number_that_no_program_holds_is_refused():
    with pytest.raises(ValueError, match="a whole number of 32 bits"):
        records.checked("n", 2**40, int, records.Spec("", is_data=True))


def test_what_may_be_none_is_none_by_default():
    with pytest.raises(ValueError, match="Make None the default"):

        @record()
        class Lost(records.Record):
            """None would be taken for not given."""

            x: float | None = static("A number.", default=1.0)


def own_file(folder, name, body, future=""):
    text = (
        f"{future}\nimport jax.numpy as jnp\nfrom vae_jax.records import data, record\n"
        "from vae_jax.remedies import Remedy\n\n\n"
        f"@record('remedy', 'own')\nclass Own(Remedy):\n    'A remedy.'\n{body}\n\n"
        "    def betas(self, made):\n        return made\n"
    )
    (Path(folder) / f"{name}.py").write_text(text)


def test_types_that_are_written_as_text_are_types(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    body = "    own: float = data('A number.')"
    own_file(tmp_path, "in_future", body, "from __future__ import annotations")
    run = Run.of(remedy="in_future:Own", own=2)
    assert run.remedies[0].own == 2.0


def test_a_file_that_changes_after_the_run_was_made_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own_file(tmp_path, "edited", "    own: float = data('A number.')")
    run = Run.of(remedy="edited:Own", own=2)
    assembly.named_sources(run)
    own_file(tmp_path, "edited", "    own: float = data('Another number.')")
    with pytest.raises(
        ValueError, match="edited:Own has changed since the run was made"
    ):
        assembly.named_sources(run)
    assert assembly.named_sources(Run.of(remedy="edited:Own", own=2))


def test_a_remedy_that_needs_a_number_while_it_is_traced_is_refused_early(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    own_file(
        tmp_path,
        "branching",
        "    own: float = data('A number.')\n\n"
        "    def wrap(self, vae, run, facts):\n"
        "        return vae if self.own > 1 else vae",
    )
    run = Run.of(remedy="branching:Own", own=2)
    message = (
        "`remedy` branching:Own: its wrap was called with .vae, run, facts. and raises "
        '(?s:.*)branching.py", line (?s:.*)choose by `jnp.where`'
    )
    with pytest.raises(ValueError, match=message):
        assembly.job(run)


def number(beta, num_steps):
    return beta


def branching(beta, num_steps):
    return lambda step: beta if step > 3 else 0.0


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            "number",
            r"`schedule` .*number must return a function, step -> beta; got 1.0",
        ),
        (
            "branching",
            r"`schedule` .*branching returns was called with all steps in one",
        ),
    ],
)
def test_a_schedule_that_is_none_is_refused(function, message):
    with pytest.raises(ValueError, match=message):
        assembly.job(Run.of(schedule=f"{__name__}:{function}"))


def test_a_field_that_is_no_setting_is_refused_where_it_is_made():
    with pytest.raises(ValueError, match="`power` of .* must be made by `data"):

        @record()
        class Bare(records.Record):
            """A field of plain Python."""

            power: float = 1.0


def test_schedules_of_ones_own_share_a_program():
    small, other = Run(beta=Constant(1.0)), Run(beta=Late(2.0))
    assert sweeps.cohort_key(small) == sweeps.cohort_key(other)
