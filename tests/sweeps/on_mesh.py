"""Sweeps on so many virtual devices as the first argument says, one for each later word.

A word is BATCH_DEVICES-STRATEGY-STREAM, whose results go into a folder of that name, in
the folder of the second argument. The third is a name of `RUNS`.
"""

import sys
from pathlib import Path

from vae_jax import sweeps
from vae_jax.configs import Run

BASE = Run.of(
    model="mlp",
    hidden=[16],
    latent_dim=2,
    batch_size=16,
    num_steps=40,
    log_every=10,
    eval_samples=2,
)
SHORT = BASE.changed(num_steps=20, optimizer="sgd")  # Adam makes more of rounding
# what is a mean over a batch, or an order of its own: penalties, variances, inner loops
CHOICES = [
    {"free_bits": 0.1},
    {"likelihood": "gaussian_optimal", "binarize": "none"},
    {"posterior": "batch_norm"},
    {"regulariser": "total_correlation", "tc_weight": 2.0},
    {"regulariser": "mmd", "mmd_weight": 2.0},
    {"inference": "aggressive"},
    {"halve_on_plateau": True},
    {"feedback": "target_rate", "target": 2.0},
    {"prior": "vampprior"},
    {"importance_samples": 3},
]
RUNS = {
    "many": [BASE.changed(seed=s, beta=0.5 + b) for b in range(8) for s in range(8)],
    "three": [BASE.changed(seed=s) for s in range(3)],
    "choices": [SHORT.changed(**choice) for choice in CHOICES],
}


def main() -> None:
    devices, folder, which, *words = sys.argv[1:]
    sweeps.setup_jax(int(devices))
    for word in words:
        shared, strategy, stream = word.split("-")
        options = sweeps.Options(
            progress=False,
            batch_devices=int(shared),
            strategy=strategy,
            stream=stream,
        )
        sweeps.run(RUNS[which], Path(folder) / word, options)


if __name__ == "__main__":
    main()
