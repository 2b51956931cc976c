"""A small run of every family of models, of every posterior and of what else is kept."""

import functools
import tempfile
from pathlib import Path

from vae_jax import sweeps
from vae_jax.configs import Run
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
