"""A run folder of a made-up sweep, with all that a report reads, without any training."""

import numpy as np

from vae_jax import results

UNITS = 4
NAUGHTY = '<img src=x onerror="alert(1)">&\'</script>'
"""Harmless where it is shown as it stands."""


def settings(beta, seed, **more):
    return {
        "model": "mlp",
        "dataset": "digits",
        "beta": beta,
        "seed": seed,
        "num_steps": 100,
        "eval_split": "test",
        "hidden": [64, 32],
        **more,
    }


def identity(number, first=0):
    return f"{first + number:032x}"


def row(number, config, diverged=False, units=True, first=0):
    """One that ended: the larger beta, the less rate; nothing is random."""
    beta, seed = config["beta"], config["seed"]
    rate = 8.0 / (1 + beta) + 0.1 * seed
    metrics = {
        "rate": rate,
        "kl_per_unit": [rate / UNITS] * UNITS,
        "mutual_information": 0.9 * rate,
        "mutual_information_error": 0.01,
        "active_units": float(UNITS if beta < 4 else 0),
        "distortion": 20.0 + 4 * beta + seed,
        "nll": 25.0 + 3 * beta,
    }
    verdict = "healthy" if beta < 4 else "collapsed"
    reasons = [f"z carries {0.9 * rate:.3f} nats about x."]
    if diverged:
        metrics = {
            n: [None] * UNITS if isinstance(v, list) else None
            for n, v in metrics.items()
        }
        verdict = "diverged"
        reasons = [
            "The loss or its gradient was not finite at step 7: the run ended there."
        ]
    steps = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    course = np.linspace(0, rate, len(steps))
    history = {
        "step": steps,
        "loss": (50 - course).tolist(),
        "rate": course.tolist(),
        "beta": np.linspace(0, beta, len(steps)).tolist(),
    }
    if units:
        history["kl_per_unit"] = np.outer(course, [0.5, 0.3, 0.2, 0.0]).tolist()
    if diverged:
        history = {
            n: v if n == "step" else (np.array(v) * np.nan).tolist()
            for n, v in history.items()
        }
    return {
        "member": number,
        "member_id": identity(number, first),
        **config,
        "status": "diverged" if diverged else "finished",
        "first_bad_step": 7 if diverged else -1,
        **metrics,
        "verdict": verdict,
        "reasons": reasons,
        **{f"history/{name}": values for name, values in history.items()},
        "data_digest": "d" * 32,
        "wall_seconds": 2.0,
        "started_at": "2026-01-01T00:00:00+00:00",
        "device": "cpu",
    }


def folder(out, configs, left=(), diverged=(), first=0, **choice):
    """A run of these settings, of which some members have not ended.

    Members are known by their identity: with another `first` they are others.
    """
    results.create_or_open(
        out,
        {
            "spec": {
                "configs": configs,
                "inputs": [{"data": {"train": "e" * 64}, "sources": {}}],
                "input_of": [0] * len(configs),
            },
            "versions": {"jax": "0.0.1", "vae_jax": "0.0.2"},
            "members": [identity(number, first) for number in range(len(configs))],
        },
    )
    ended = [n for n in range(len(configs)) if n not in left]
    rows = [row(n, configs[n], n in diverged, first=first, **choice) for n in ended]
    if rows:
        results.commit_shard(out, rows)
    return out


def grid(num_betas=3, num_seeds=2, **more):
    return [
        settings(2.0**b, seed, **more)
        for b in range(num_betas)
        for seed in range(num_seeds)
    ]
