"""The cascade of collapse in a non-linear VAE: Li (2026), on the linear theory.

Claim: as the noise variance of the decoder rises, the four units of a ReLU VAE collapse
    one by one, each where the variance passes an eigenvalue of the data; the KL of every
    unit stays within 0.03 nats of the linear theory; what is collapsed is stable as long
    as no eigenvalue of the residual covariance is above the variance.
Command: `python -m experiments.collapse_cascade` (`--smoke`: a few steps, no claim)
Minutes: 5.7 of one CPU core; resumable.
Numbers: `experiments/results/collapse_cascade/`, told in `README.md` beside.

A mixture of two Gaussians in 8 dimensions, by the paper's recipe; encoder 256-128 and
decoder 128-256 with ReLU, 4 units, Adam 5e-4, batches of 512. The variance goes from 0.65
to 1.05 in steps of 0.02, each run going on from where the last step left it: 6000 updates
at the first, 1500 at each other. Three seeds are one compiled program. Here 32 768
examples; `--paper` has the paper's 256 000 and 401 steps of 0.001, with 120 epochs at the
first and 30 at each other: 6 million updates, which nobody has run here.

What is minimised is `squared error / 2 + variance * rate`, the variance times the negative
ELBO but for a constant: the same minima, and Adam does not see a factor. So the variance
is the row of betas of a decoder of variance 1.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments._animation import save_animation
from experiments._claims.collapse_cascade import ACTIVE_FROM, of_page
from experiments._pages import (
    FIGURES,
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    redraw_page,
    save_figure,
    save_rows,
)
from vae_jax import analytic, assembly, figures, gaussian, results, sweeps, training
from vae_jax.configs import Run, from_mapping

NAME = "collapse_cascade"
SEEDS, DATA_SEED = (0, 1, 2), 1234
FEATURES, UNITS, SHIFT, DECAY = 8, 4, 0.5, 0.1

BASE: dict[str, Any] = {
    "model": "mlp",
    "hidden": [256, 128],
    "likelihood": "gaussian",
    "latent_dim": UNITS,
    "batch_size": 512,
    "learning_rate": 5e-4,
    "eval_split": "train",
    "eval_samples": 4,
}


class Plan(NamedTuple):
    """The staircase of the variance."""

    examples: int
    variances: np.ndarray
    first: int
    later: int

    @property
    def ends(self) -> list[int]:
        """Updates done at the end of every step of the staircase."""
        return [self.first + k * self.later for k in range(len(self.variances))]

    @property
    def row(self) -> np.ndarray:
        """The variance of every update."""
        counts = [self.first] + [self.later] * (len(self.variances) - 1)
        return np.repeat(self.variances, counts).astype(np.float32)


def plan_of(smoke: bool, paper: bool) -> Plan:
    """How far the staircase goes, and how slowly."""
    if smoke:
        return Plan(2048, np.array([0.65, 1.05]), 100, 100)
    if paper:
        epoch = 256_000 // BASE["batch_size"]
        fine = np.round(np.arange(0.65, 1.0505, 0.001), 3)
        return Plan(256_000, fine, 120 * epoch, 30 * epoch)
    return Plan(32_768, np.round(np.arange(0.65, 1.0501, 0.02), 2), 6000, 1500)


def mixture(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training, validation and test examples of the paper's recipe, centred on the first.

    `x = O D^(1/2) y`, `y = (I - a^2 v v')^(1/2) g + a s v` with a sign s, v the normed
    vector of ones, a = 0.5, `D = diag(exp(-0.1 i))`, O orthogonal, g standard normal: the
    covariance of y is I, that of x has the eigenvalues of D.
    """
    rng = np.random.default_rng(DATA_SEED)
    rotation, _ = np.linalg.qr(rng.normal(size=(FEATURES, FEATURES)))
    ones = np.full(FEATURES, FEATURES**-0.5)
    shrink = (1 - SHIFT**2) ** 0.5 - 1  # the root along v, where it is not 1
    root = np.eye(FEATURES) + shrink * np.outer(ones, ones)
    scale = np.exp(-DECAY * np.arange(FEATURES) / 2)

    def drawn(number: int) -> np.ndarray:
        sign = rng.choice([-1.0, 1.0], size=(number, 1))
        y = rng.normal(size=(number, FEATURES)) @ root + SHIFT * sign * ones
        return (y * scale) @ rotation.T

    train = drawn(count)
    rest = drawn(1024), drawn(1024)
    centre = train.mean(axis=0)
    return tuple((part - centre).astype(np.float32) for part in (train, *rest))


def configs_of(plan: Plan) -> list[Run]:
    """A run a seed, over the whole staircase."""
    steps = len(plan.row)
    base = {**BASE, "num_steps": steps, "log_every": steps // 20}
    return [from_mapping({**base, "seed": seed}) for seed in SEEDS]


def make_job(plan: Plan) -> Callable[[Run], assembly.Job]:
    """The run of a config with the staircase as its betas, observed at every step of it."""

    def make(config: Run) -> assembly.Job:
        job, kit = assembly.job(config), assembly.kit(config)
        program = training.with_snapshots(
            job.program, plan.ends[:-1], observer(kit.vae, kit.knobs)
        )
        hyper = job.hyper._replace(beta=plan.row)
        return job._replace(program=program, hyper=hyper)

    return make


def observer(vae: Any, knobs: Any) -> Callable[..., dict[str, Any]]:
    """What every unit does at the end of a step of the staircase, on the training set."""

    def observe(params: Any, key: Any, hyper: Any, data: Any) -> dict[str, Any]:
        del key, hyper
        x = jnp.asarray(data.train)
        mean, logvar = vae.encode(params, x, knobs=knobs)
        kl = gaussian.kl_standard(mean, logvar).mean(axis=0)
        used = jnp.where((kl > ACTIVE_FROM)[None, :], mean, 0)
        decoded, _ = vae.decode(params, used, x, knobs=knobs)
        return {
            "kl": kl,
            "posterior_variance": jnp.exp(logvar).mean(axis=0),
            "residual": largest_eigenvalue(x - decoded),
        }

    return observe


def largest_eigenvalue(residual: jax.Array) -> jax.Array:
    """Of the covariance of what the active units leave, given their posterior means.

    In the linear theory an active unit leaves `s^2 / l` of its eigenvalue l at the
    variance s, which is less than s, and a collapsed one all of it.
    """
    centred = residual - residual.mean(axis=0, keepdims=True)
    with jax.default_matmul_precision("highest"):
        covariance = centred.T @ centred / len(residual)
    return jnp.linalg.eigvalsh(covariance)[-1]


def stages_of(runs: pd.DataFrame, plan: Plan, spectrum: np.ndarray) -> pd.DataFrame:
    """A row a seed, step of the staircase and unit, beside the linear theory.

    Units are in the order of their KL, the largest first, as the eigenvalues are.
    """
    rows = []
    for _, run in runs.iterrows():
        kl, own, residual = (
            np.asarray(list(run[f"snapshots/{name}"]))
            for name in ("kl", "posterior_variance", "residual")
        )
        for k, variance in enumerate(plan.variances):
            order = np.argsort(-kl[k])
            best = analytic.linear_vae_optimum(spectrum, UNITS, 1.0, float(variance))
            rows.append(
                pd.DataFrame(
                    {
                        "seed": run["seed"],
                        "variance": variance,
                        "unit": np.arange(UNITS),
                        "kl": kl[k][order],
                        "kl_theory": np.asarray(best.kl),
                        "posterior_variance": own[k][order],
                        "posterior_theory": np.asarray(best.posterior_variance),
                        "active": int((kl[k] > ACTIVE_FROM).sum()),
                        "active_theory": int(np.asarray(best.active).sum()),
                        "residual": residual[k],
                        "residual_theory": residual_theory(spectrum, variance),
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def residual_theory(spectrum: np.ndarray, variance: float) -> float:
    """What `largest_eigenvalue` is at the optimum of the linear VAE."""
    left = np.array(spectrum, np.float64)
    used = (np.arange(len(left)) < UNITS) & (left > variance)
    left[used] = variance**2 / left[used]
    return float(left.max())


def draw_page(page: Path, picture: Path) -> None:
    """The figure and the animation, from what was saved."""
    stages = pd.read_csv(page / "stages.csv")
    spectrum = pd.read_csv(page / "spectrum.csv")["eigenvalue"].to_numpy()
    save_figure(figures.cascade_figure(stages, spectrum), picture)
    save_animation(
        picture.with_suffix(".gif"),
        sorted(set(stages["variance"])),
        lambda variance: figures.cascade_frame(stages, spectrum, variance),
    )


def main() -> None:
    """Run the staircase, judge, draw, and say where everything is."""
    parser = drawn_page_parser(__doc__)
    parser.add_argument("--paper", action="store_true", help="days: 6 million updates")
    arguments = page_arguments(parser)
    if arguments.publish and arguments.paper:
        parser.error("--publish replaces the rows of the page; got it with --paper")
    if arguments.redraw:
        redraw_page(NAME, draw_page, of_page)
        return
    sweeps.setup_jax()
    plan = plan_of(arguments.smoke, arguments.paper)
    configs, data = configs_of(plan), mixture(plan.examples)
    out = arguments.out or folder_for(NAME, configs)
    sweeps.run(configs, out, data=data, make_job=make_job(plan))
    spectrum = np.asarray(analytic.eigenvalues(data[0]))
    stages = stages_of(results.read(out).runs.to_pandas(), plan, spectrum)
    shown = stages.pivot(index=["variance", "unit"], columns="seed", values="kl")
    print(shown.to_string(float_format="{:.4f}".format))
    found = pd.DataFrame({"eigenvalue": spectrum})
    save_rows(out / "page", stages=stages, spectrum=found)
    finish_page(NAME, out, draw_page, of_page, arguments)
    if arguments.publish:
        moving = f"{NAME}.gif"
        (FIGURES / moving).write_bytes((out / moving).read_bytes())
        print(f"Published: {FIGURES / moving}")


if __name__ == "__main__":
    main()
