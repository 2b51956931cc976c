"""The loss of the words against numpy, and its way through a run."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import assembly, training
from vae_jax.configs import Run
from vae_jax.records import CHOICES, Facts
from vae_jax.training import StepHyper

BagOfWords = CHOICES["remedy"]["bag_of_words"]
TEXT = {
    "dataset": "ten_sequences",
    "model": "lstm",
    "likelihood": "categorical",
    "hidden": (4,),
    "embedding": 4,
    "latent_dim": 2,
    "batch_size": 10,
    "num_steps": 50,
}
FACTS = Facts((5,), 8, 3)


def test_it_is_the_log_likelihood_of_the_words_given_z_alone():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 3)), rng.normal(size=(3, 9))
    z, x = rng.normal(size=(3, 2)), rng.integers(1, 9, (3, 5))
    x[1, 3:] = 0
    latent = training.Latent(*[jnp.asarray(z, jnp.float32)] * 4)
    params = {"model": {}, "bag_of_words": [jnp.float32(first), jnp.float32(second)]}
    loss = BagOfWords(2.0).auxiliary(FACTS)(
        params, latent, jnp.asarray(x), StepHyper(1.0)
    )
    logits = np.tanh(z @ first) @ second
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    expected = [-2 * sum(log_p[i, w] for w in x[i] if w) for i in range(3)]
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize("prior", ["standard", "diagonal"])
def test_it_is_in_the_loss_of_a_run_and_trains_its_own_parameters(prior):
    run = Run.of(**TEXT, bag_of_words=1.0, prior=prior)
    job = assembly.job(run)
    key = training.member_key(0)

    @jax.jit
    def two_steps(hyper):
        before = job.program.init(key, hyper, job.splits)
        step = lambda state, t: job.program.step(state, t, key, hyper, job.splits)  # noqa: E731
        after, info = jax.lax.scan(step, before, jnp.arange(2))
        return before.train.params, after.train.params, info

    before, after, info = two_steps(job.hyper)
    inner = [p["model"] if prior != "standard" else p for p in (before, after)]
    moved = [
        np.abs(np.subtract(*leaves)).max()
        for leaves in zip(
            *(jax.tree.leaves(p["bag_of_words"]) for p in inner), strict=True
        )
    ]
    assert min(moved) > 0
    beside = np.asarray(info.loss - info.distortion - info.beta * info.penalised_rate)
    # ten words of some log 6 nats each, before anything is learnt
    assert (beside > 10).all()


def test_it_is_for_sentences_and_a_weight_of_none_is_none():
    with pytest.raises(ValueError, match="words of sentences; got dataset='digits'"):
        Run.of(bag_of_words=1.0)
    assert Run.of(**TEXT, bag_of_words=0.0) == Run.of(**TEXT)
