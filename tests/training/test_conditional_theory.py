"""Linear conditional VAEs trained by a run's own program, against their optimum.

Four sets of one size, whose label explains ever more of x: the set is data of the program,
so that one compiled program trains the four.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import analytic, assembly, userdata
from vae_jax.configs import Run
from vae_jax.training import member_key

LABELS, SIZE, STEPS = 3, 300, 1500
SPREAD = np.sqrt([4.0, 2.0, 0.5, 0.4, 0.3, 0.2])
EXPLAINED = (0.0, 0.5, 0.8, 0.98)
"""Correlations of x with what its label says; squared, the share of the variance."""

ACTIVE = (2, 2, 1, 0)
"""Eigenvalues of 4 and 2, less that share, that are above the noise variance of 1."""


def labelled(correlation):
    rng = np.random.default_rng(0)
    labels = np.arange(SIZE) % LABELS
    levels = rng.normal(size=(LABELS, len(SPREAD)))
    levels = (levels - levels.mean(axis=0)) / levels.std(axis=0)
    noise = rng.normal(size=(SIZE, len(SPREAD)))
    x = correlation * levels[labels] + np.sqrt(1 - correlation**2) * noise
    return (x * SPREAD).astype(np.float32), labels


def run_on(x, labels, **changes):
    some = slice(0, 30)  # of no matter: judged by training, as the theory is
    named = [labels, labels[some], labels[some]]
    made = userdata.from_arrays(
        x, x[some] + 9, x[some] - 9, values="real", labels=named
    )
    return Run.of(
        dataset=userdata.hold(made).dataset,
        **dict(model="linear", latent_dim=2, likelihood="gaussian", variance=1.0),
        **dict(batch_size=SIZE, num_steps=STEPS, learning_rate=0.01),
        **dict(learning_rate_schedule="cosine", precision="highest"),
        **dict(eval_split="train", condition="label", **changes),
    )


def trained(job, splits):
    """Every set's metrics, of one program."""
    program, hyper, key = job.program, job.hyper, member_key(0)

    def one(data):
        def step(state, t):
            return program.step(state, t, key, hyper, data)[0], None

        state = program.init(key, hyper, data)
        steps = jnp.arange(STEPS, dtype=jnp.int32)
        state, _ = jax.lax.scan(step, state, steps)
        return program.evaluate(state, key, hyper, data)

    compiled = jax.jit(jax.vmap(one))
    return compiled(jax.tree.map(lambda *leaves: jnp.stack(leaves), *splits))


@pytest.mark.slow
@pytest.mark.parametrize("prior", [False, True])
def test_a_trained_linear_cvae_is_at_its_optimum_at_every_correlation(prior):
    sets = [labelled(correlation) for correlation in EXPLAINED]
    jobs = [assembly.job(run_on(*one, condition_prior=prior)) for one in sets]
    found = trained(jobs[0], [job.splits for job in jobs])
    for index, (x, labels) in enumerate(sets):
        moments = analytic.joint_moments(x, np.eye(LABELS)[labels])
        best = analytic.linear_cvae_optimum(moments, 2, 1.0, 1.0)
        elbo = float(best.elbo)
        own = {name: np.asarray(value[index]) for name, value in found.items()}
        # at the optimum a step is 0: what is left is the noise of one z an example
        assert own["distortion"] + own["rate"] == pytest.approx(-elbo, rel=0.005)
        # of the ELBO, since one of the rates is 0
        assert own["rate"] == pytest.approx(float(best.rate), abs=0.005 * -elbo)
        active = int(np.sum(best.active))
        assert active == ACTIVE[index]
        assert own["conditional_active_units"] == active
        # the prior knows c, or c costs rate: the code does not repeat it
        assert own["condition_information"] < 0.05


@pytest.mark.slow
def test_a_cvae_that_ignores_z_is_collapsed_although_it_reconstructs_well():
    sets = [labelled(correlation) for correlation in (0.0, 0.98)]
    jobs = [assembly.job(run_on(*one)) for one in sets]
    found = trained(jobs[0], [job.splits for job in jobs])
    rows = [{name: value[i] for name, value in found.items()} for i in range(2)]
    # -log p of the data's own mean is that of no reconstruction at all
    constant = len(SPREAD) / 2 * np.log(2 * np.pi)
    errors = [2 * (float(row["distortion"]) - constant) for row in rows]
    totals = [np.sum(np.var(x, axis=0)) for x, _ in sets]
    # 96 % of the variance of the second, from its label alone
    assert errors[1] < 0.05 * totals[1] < errors[0]
    verdicts = [assembly.describe(row)["verdict"] for row in rows]
    assert verdicts == ["healthy", "collapsed"]
    assert rows[1]["shuffle_within_gap"] < 0.1 < rows[0]["shuffle_within_gap"]
