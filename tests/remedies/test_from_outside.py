"""What a remedy of the package does, one in a user's own file does: by the same text."""

from pathlib import Path

import pytest

from vae_jax import sweeps
from vae_jax.remedies import BagOfWords, KLBalance, __path__

RUNS = {
    KLBalance: {"prior": "diagonal", "hidden": [4], "kl_balance": [0.3, 0.8]},
    BagOfWords: {
        "dataset": "ten_sequences",
        "model": "lstm",
        "likelihood": "categorical",
        "batch_size": 10,
        "embedding": 4,
        "hidden": [4],
        "bag_of_words": [0.5, 2.0],
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("cls", RUNS, ids=lambda cls: cls.__name__)
def test_it_is_the_same_from_ones_own_file(cls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = f"_{cls.name}.py"
    text = (Path(__path__[0]) / file).read_text()
    own = text.replace("vae_jax.remedies._contract", "vae_jax.remedies")
    Path(f"own_{cls.name}.py").write_text(own)
    path = f"own_{cls.name}:{cls.__name__}"
    spec = {
        "base": {"num_steps": 6, "log_every": 1, "latent_dim": 2, "eval_samples": 1},
        "grid": [RUNS[cls], RUNS[cls] | {"remedy": path}],
    }
    runs = sweeps.expand(spec)
    assert [one.remedies[0].is_own for one in runs] == [False, False, True, True]
    assert [len(c[0].members) for c in sweeps.split_shards(runs, 8)] == [2, 2]
    stored = sweeps.run(runs, "run", sweeps.Options(progress=False))
    loss = stored.metrics.to_pandas().groupby("member")["loss"].apply(list)
    assert (loss[0], loss[1]) == (loss[2], loss[3])
    assert loss[0] != loss[1]
