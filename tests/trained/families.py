"""A small run of every family of models, of every posterior and of what else is kept."""

import functools
import tempfile
from pathlib import Path

import jax
import numpy as np

from vae_jax import assembly, configs, results, sweeps
from vae_jax.configs import Run
from vae_jax.sweeps.spec._identity import make_spec, member_id
from vae_jax.sweeps.stored._rows import aligned
from vae_jax.trained import open_run

SMALL = {
    "latent_dim": 2,
    "hidden": (8, 8),
    "num_steps": 20,
    "log_every": 10,
    "eval_samples": 4,
}
TEXT = {
    "dataset": "ten_sequences",
    "likelihood": "categorical",
    "batch_size": 10,
    "learning_rate": 0.01,
}
FAMILIES = {
    "linear": {"model": "linear", "hidden": None},
    "mlp": {},
    "lipschitz": {"model": "lipschitz"},
    "convolutional": {"model": "convolutional"},
    "autoregressive": {"model": "autoregressive", "window": 3},
    "pixelcnn": {"model": "pixelcnn", "window": 2},
    "mixture of logistics": {"model": "pixelcnn", "likelihood": "logistic_mixture"},
    "lstm": TEXT | {"model": "lstm", "embedding": 4, "word_dropout": 0.5},
    "transformer": TEXT | {"model": "transformer", "num_heads": 2},
}
POSTERIORS = {
    "batch_norm": {"posterior": "batch_norm"},
    "delta": {"posterior": "delta", "committed_rate": 0.1},
    "refined": {"refine_steps": 3},
    "refined pixels": {"refine_steps": 2, "model": "autoregressive"},
}
KEPT = {
    "average": {"ema_decay": 0.9},
    "plateau": {"halve_on_plateau": True, "num_steps": 40},
    "vampprior": {"prior": "vampprior"},
    "mixture prior": {"prior": "mixture"},
    "diagonal prior": {"prior": "diagonal"},
    "optimal variance": {"likelihood": "gaussian_optimal"},
    "grey": {"likelihood": "gaussian", "variance": 0.1},
    "learned scale": {"likelihood": "laplace_learned", "dequantize": True},
    "drawn pixels": {"binarize": "dynamic", "posterior": "batch_norm"},
    "half precision": {"model": "pixelcnn", "compute": "bfloat16"},
    "words": TEXT | {"model": "lstm", "embedding": 4, "bag_of_words": 1.0},
}
ALL = FAMILIES | POSTERIORS | KEPT


@functools.cache
def trained(name):
    """The member of a run that a sweep has trained, measured and stored."""
    folder = Path(tempfile.mkdtemp()) / "run"
    run = Run.of(**{**SMALL, **ALL[name]})
    sweeps.run([run], folder, sweeps.Options(progress=False))
    return open_run(folder)[0]


def some_like(shapes, seed):
    """Random parameters, which take no compiling."""
    draw = np.random.default_rng(seed).normal
    return jax.tree.map(lambda s: (0.3 * draw(size=s.shape)).astype(s.dtype), shapes)


def stored_run(folder, runs, *, ended=None, nll=None):
    """A run folder as a sweep leaves it, with random parameters, and no training.

    Args:
        folder: of the results.
        runs: its members.
        ended: status of those that have ended, by number; all have, if it is not given.
        nll: of each.
    """
    jobs = [assembly.job(run) for run in runs]
    inputs = [sweeps.inputs_of(j, assembly.job, sweeps.DataDigests()) for j in jobs]
    ids = [member_id(*pair) for pair in zip(runs, inputs, strict=True)]
    spec = make_spec(runs, inputs)
    results.create_or_open(folder, {"spec": spec, "versions": {}, "members": ids})
    ended = dict.fromkeys(range(len(runs)), "finished") if ended is None else ended
    rows, params, knobs = [], [], []
    settings = aligned([configs.to_mapping(run) for run in runs])
    for member, status in ended.items():
        run, job = runs[member], jobs[member]
        bad = None if status == "finished" else 7
        row = {"member": member, "member_id": ids[member]} | settings[member]
        value = None if bad else (nll or {}).get(member, 1.0)
        row |= {"status": status, "first_bad_step": bad, "nll": value, "rate": 1.0}
        row |= {"history/step": [1], "history/rate": [1.0]}
        vae = assembly.model(run, assembly.facts_of(run.data.load()))
        rows.append(row)
        params.append(some_like(jax.eval_shape(vae.init, jax.random.key(0)), member))
        knobs.append(
            {n: np.asarray(k).tolist() for n, k in job.hyper.knobs._asdict().items()}
        )
    results.commit_shard(folder, rows, params, knobs)
    return folder
