"""Sentences through the whole machine: config, program, training, evaluation."""

import jax
import numpy as np
import pytest

from vae_jax import assembly, results, sweeps, text, tokens
from vae_jax.configs import Run
from vae_jax.likelihoods import Categorical
from vae_jax.records import Facts

SENTENCES = Categorical().density(Facts((11,), 5, 10))

TEN = Run.of(
    dataset="ten_sequences",
    model="lstm",
    likelihood="categorical",
    latent_dim=2,
    hidden=(32,),
    embedding=8,
    batch_size=10,
    num_steps=2000,
    log_every=500,
    learning_rate=3e-2,
    eval_samples=8,
)


def test_the_special_tokens_of_models_are_those_of_text():
    for name in ("PAD", "UNK", "BOS", "EOS"):
        assert getattr(tokens, name) == getattr(text, name)


@pytest.mark.slow  # `.ci/run` runs it
def test_a_sweep_of_sentences_ends_at_the_entropy_of_the_data(tmp_path):
    """Ten equally likely sentences: no VAE gets below log 10 nats, and one that has
    learned which sentences there are is just above, whatever its rate."""
    configs = [TEN.changed(beta=beta) for beta in (0.2, 1.0)]
    stored = sweeps.run(configs, tmp_path / "run", sweeps.Options(progress=False))
    runs = stored.runs.to_pandas()
    total = runs["distortion"] + runs["rate"]
    # below by the error of 8 samples of z an example
    assert (total > np.log(10) - 0.1).all()
    # ten bits that are 1 with probability 0.1 each, which is to know no sentence
    independent = -10 * (0.1 * np.log(0.1) + 0.9 * np.log(0.9))
    assert total[1] < (np.log(10) + independent) / 2
    assert runs["rate"][0] > runs["rate"][1]
    # 11 tokens are predicted in each sentence
    np.testing.assert_allclose(runs["perplexity"], np.exp(runs["nll"] / 11), rtol=1e-5)
    assert results.load(tmp_path / "run", 0)["decoder"]["embedding"] is not None


def test_padding_costs_nothing(key):
    logits = jax.random.normal(key, (2, 5, 9))
    x = np.array([[4, 7, 3, 0, 0], [5, 5, 5, 5, 3]])
    found = SENTENCES.log_prob(logits, x)
    each = np.asarray(jax.nn.log_softmax(logits))
    rows = [sum(each[0, t, x[0, t]] for t in range(3))]
    rows += [sum(each[1, t, x[1, t]] for t in range(5))]
    np.testing.assert_allclose(found, rows, rtol=1e-6)


def test_a_folder_of_sentences(tmp_path):
    words = ["a", "b", "c", "d", "e", "f"]
    rng = np.random.default_rng(0)
    lines = {" ".join(rng.choice(words, size=rng.integers(2, 7))) for _ in range(400)}
    (tmp_path / "lines.txt").write_text("\n".join(sorted(lines)) + "\n")
    config = TEN.changed(
        dataset="text", data_folder=str(tmp_path), vocab_size=8, max_length=6
    )
    loaded = config.data.load()
    assert loaded.max_value == 7
    assert loaded.train.images.shape[1] == 5
    assert (loaded.train.images == text.UNK).any()
    job = assembly.job(config.changed(batch_size=32))
    # four words and the special tokens
    params = jax.eval_shape(job.program.init, jax.random.key(0), job.hyper, job.splits)
    assert params.train.params["decoder"]["output"]["kernel"].shape == (32, 8)


def test_sentences_of_two_splits_are_refused_until_a_config_says_what_becomes_of_them(
    tmp_path,
):
    words = "abcdefgh"
    own = {
        "train": [f"{a} {b}" for a in words for b in words],
        "valid": [f"{a} {a} {a}" for a in words],
        "test": ["a b", *(f"{a} {a} {a} {a}" for a in words)],
    }
    for name, lines in own.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    config = TEN.changed(dataset="text", data_folder=str(tmp_path), max_length=6)
    with pytest.raises(ValueError, match="such as 'a b'.*of a run it is `shared_sent"):
        config.data.load()
    sizes = {
        choice: len(config.changed(shared_sentences=choice).data.load().train.images)
        for choice in ("drop", "keep")
    }
    assert sizes == {"drop": 63, "keep": 64}
    with pytest.raises(ValueError, match="`shared_sentences`.*got 'ignore'"):
        config.changed(shared_sentences="ignore")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "mlp"}, "sentences go with model='lstm'.*model='mlp'"),
        ({"likelihood": "bernoulli"}, "likelihood='categorical', images"),
        ({"dataset": "digits"}, "dataset='digits' and likelihood='categorical'"),
        ({"binarize": "static"}, "`binarize` is a setting of dataset=images"),
        ({"prior": "vampprior"}, "pseudo-inputs of prior='vampprior' are images"),
        ({"window": 2}, "`window` is a setting of model='autoregressive'"),
        ({"vocab_size": 9}, "`vocab_size` is a setting of dataset='brown' or 'text'"),
        ({"max_length": 9}, "`max_length` is a setting of dataset='brown' or 'text'"),
    ],
)
def test_refuses_what_does_not_go_with_sentences(changes, message):
    with pytest.raises(ValueError, match=message):
        TEN.changed(**changes)


def test_refuses_a_missing_folder():
    with pytest.raises(
        ValueError, match="`data_folder` must be given with dataset='brown'"
    ):
        TEN.changed(dataset="brown").data.load()
