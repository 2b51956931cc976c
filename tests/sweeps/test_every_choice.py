"""Everything that the library has can be named by a run, and so can what it has not."""

import inspect
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

from vae_jax import assembly, configs, likelihoods, schedules, sweeps
from vae_jax.likelihoods import Likelihood
from vae_jax.records import CHOICES
from vae_jax.types import Schedule

LIKELIHOODS = {  # constructors of densities, and the names that a run has for them
    "bernoulli": {"bernoulli"},
    "categorical": {"categorical"},
    "continuous_bernoulli": {"continuous_bernoulli"},
    "discretized_logistic_mixture": {"logistic_mixture"},
    "gaussian": {"gaussian", "gaussian_learned", "gaussian_optimal"},
    "laplace": {"laplace", "laplace_learned"},
    "negative_binomial": {"negative_binomial"},
    "poisson": {"poisson"},
    "student_t": {"student_t"},
    "zero_inflated_negative_binomial": {"zero_inflated_negative_binomial"},
}
SCHEDULES = {  # constructors of schedules, and what names them
    "constant": "schedule",
    "linear": "schedule",
    "cosine": "schedule",
    "sigmoid": "schedule",
    "tanh": "schedule",
    "cyclical": "schedule",
    "warm_restarts": "schedule",
    "join": "schedule",  # `stages`
    "delay": "delay_steps",
    "staircase": "stair_steps",
}
SPEC = """
[base]
hidden = [4]
latent_dim = 2
num_steps = 20
log_every = 10
batch_size = 10
eval_samples = 1
learning_rate = 1e-4

[[grid]]
likelihood = ["bernoulli", "continuous_bernoulli", "gaussian", "gaussian_learned",
    "gaussian_optimal", "laplace", "laplace_learned", "student_t"]

[[grid]]
likelihood = ["poisson", "negative_binomial", "zero_inflated_negative_binomial"]
dataset = "counts.npy"
library_size = [false, true]

[[grid]]
likelihood = "logistic_mixture"
model = "pixelcnn"
window = 2

[[grid]]
likelihood = "categorical"
dataset = "ten_sequences"
model = "lstm"
embedding = 4

[[grid]]
optimizer = ["sgd", "adamw", "lion", "rmsprop"]
learning_rate_warmup = 5
learning_rate_schedule = "cosine"
clip_norm = 1.0

[[grid]]
optimizer = ["adamw", "lion"]
weight_decay = 0.1

[[grid]]
schedule = ["linear", "cosine", "sigmoid", "tanh"]
beta_start = [0.0, 4.0]
beta = 2.0
delay_steps = 2
stair_steps = 3

[[grid]]
schedule = "cyclical"
num_cycles = 2
beta_start = 0.5

[[grid]]
schedule = "warm_restarts"
cycle_steps = 5
cycle_growth = 2.0

[[grid]]
schedule = "stages"
stage_betas = [4.0, 2.0]
stage_steps = [5, 5]
"""
OWN = """
[base]
hidden = [4]
latent_dim = 2
num_steps = 20
log_every = 10
eval_samples = 1

[[grid]]
model = "my_choices:small"

[[grid]]
schedule = "my_choices:halves"
beta = [1.0, 2.0]

[[grid]]
schedule = "my_choices:Hook"
hook = [0.25, 0.5]

[[grid]]
likelihood = "my_choices:wide"

[[grid]]
optimizer = "my_choices:momentum"
learning_rate = [1e-4, 1e-3]

[[grid]]
optimizer = "my_choices:Momentum"
inertia = 0.5

[[grid]]
prior = "my_choices:Narrow"
narrowness = [0.5, 2.0]

[[grid]]
remedy = "my_choices:Floor"
floor = [0.5, 1.0]
"""


def makers(module, kind):
    """Public functions of a module that return this."""
    return {
        name
        for name in module.__all__
        if inspect.isfunction(f := getattr(module, name))
        and inspect.signature(f).return_annotation == kind
    }


CHANGES = {"with_library"}  # makes another likelihood of one: `library_size`


@pytest.fixture
def beside_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("counts.npy", np.random.default_rng(0).poisson(3.0, (200, 8)))


def test_no_public_likelihood_or_schedule_is_without_a_name():
    assert makers(likelihoods, Likelihood) - CHANGES == set(LIKELIHOODS)
    assert set().union(*LIKELIHOODS.values()) == set(CHOICES["likelihood"])
    assert makers(schedules, Schedule) == set(SCHEDULES)


def test_a_sweep_names_all_of_them(beside_counts):
    runs = sweeps.expand(tomllib.loads(SPEC))
    for choice in ("likelihood", "schedule", "optimizer"):
        assert {run[choice] for run in runs} == set(CHOICES[choice])
    for run in runs:
        assembly.job(run)


@pytest.mark.slow  # 45 s: a program for each but the schedules
def test_a_sweep_trains_all_of_them(tmp_path, beside_counts):
    runs = sweeps.expand(tomllib.loads(SPEC))
    stored = sweeps.run(runs, tmp_path / "run", sweeps.Options(progress=False))
    table = stored.runs.to_pandas()
    assert (table["status"] == "finished").all()
    assert np.isfinite(table["nll"]).all()
    last = stored.metrics.to_pandas().groupby("member")["beta"].last()
    assert (last[table["schedule"].isin(["stages"])] == 1).all()


@pytest.fixture
def beside_the_file(tmp_path, monkeypatch):
    """The working directory of a user whose choices lie in a file of his own."""
    own = Path(__file__).with_name("my_choices.py")
    shutil.copy(own, tmp_path / "my_choices.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_sweep_names_what_is_the_users_own(beside_the_file):
    Path("own.toml").write_text(OWN)
    runs = sweeps.read_spec("own.toml")
    for run in runs:
        [source] = assembly.job(run).inputs["sources"]
        assert source.startswith("my_choices:")
        assert run == configs.from_mapping(configs.to_mapping(run))
    # own records sweep their numbers in one program, a function's beta is in its row
    assert [len(c[0].members) for c in sweeps.split_shards(runs, 8)] == [
        1,
        4,
        1,
        2,
        1,
        2,
        2,
    ]


@pytest.mark.slow  # 35 s, programs again
def test_a_sweep_trains_what_is_the_users_own(beside_the_file):
    Path("own.toml").write_text(OWN)
    runs = sweeps.read_spec("own.toml")
    options = sweeps.Options(progress=False)
    stored = sweeps.run(runs, "run", options)
    table = stored.runs.to_pandas()
    assert (table["status"] == "finished").all()
    assert table["hook"].dropna().tolist() == [0.25, 0.5]
    assert set(table["remedy"]) == {"none", "my_choices:Floor"}
    floors = table.set_index("floor")["rate"]
    assert floors[1.0] > floors[0.5]
    # the file belongs to the run: another text of it is another run
    assert sweeps.run(runs, "run", options).runs.num_rows == len(runs)
    text = Path("my_choices.py").read_text()
    Path("my_choices.py").write_text(text.replace("2.0 * now", "1.9 * now"))
    with pytest.raises(ValueError, match="my_choices"):
        sweeps.run(sweeps.read_spec("own.toml"), "run", options)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('remedy = "my_choices:Floor"', "`floor` must be given with remedy='my_cho"),
        ('remedy = "my_choices:Hook"', "a record of 'schedule'"),
        ('remedy = "my_choices:small"', "must name a record"),
        ('remedy = "my_choices:Nothing"', "has no 'Nothing'"),
        ('remedy = "no_such_file:Floor"', "there is no module 'no_such_file'"),
        ('remedy = "free_bits"', "must be a path, `package.module:name`"),
        (
            'schedule = "my_choices:Hook"\nhook = 2.0',
            "`hook` must be at least 0 and at most 1; got 2",
        ),
        (
            'schedule = "my_choices:Hook"\nwarmup_steps = 2',
            "this run has schedule='my_choices:Hook'",
        ),
    ],
)
def test_a_wrong_choice_of_ones_own_is_refused(section, message, beside_the_file):
    Path("own.toml").write_text(f"[base]\n{section}\n")
    with pytest.raises(ValueError, match=message):
        sweeps.read_spec("own.toml")
