"""The rate-distortion plane: Alemi et al. (2018), an exact curve and an exact toy.

Claim: linear beta-VAEs lie within 2 % of Shannon's reverse water-filling curve of the
    digits, MLPs on it or below. In a toy without any sampling, ELBOs that are equal to a
    thousandth of a nat have rates that differ by 0.2 nats and more; the rate jumps where
    beta crosses 1; a penalty on the rate's distance from 0.5 nats puts it there.
Command: `python -m experiments.rate_distortion` (`--smoke`: a few steps, no claim)
Minutes: 3.1 of one CPU core; the plane is resumable.
Numbers: `experiments/results/rate_distortion/`, told in `README.md` beside.

(a) Digits, 32 units, noise variance 0.1, eight betas, three seeds, linear or one hidden
layer of 128 a side: two compiled programs. Rate and squared error are measured on the
training and on the held-out split, each beside the curve of its own covariance. `--paper`
is the same plane on MNIST, the paper's data (prepared by tensorflow-datasets, or four IDX
files in `--data`); its binary likelihood and autoregressive models are not those here.
(b) 30 bins of x and of z (`_toy_bins.py`), float64, exact sums: the paper's own setting.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments._claims.rate_distortion import VARIANCE, of_page
from experiments._pages import (
    EXACT_DIGITS,
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    read_rows,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments._parts import toy_bins as toy
from experiments._pictures import load_arrays, save_arrays
from vae_jax import analytic, assembly, figures, gaussian, results, sweeps
from vae_jax.configs import Run, from_mapping

NAME = "rate_distortion"
SEEDS = (0, 1, 2)
BETAS = (0.2, 0.35, 0.6, 1.0, 1.7, 3.0, 5.0, 8.0)
"""From 31 active units of the linear model to none."""

BASE: dict[str, Any] = {
    "binarize": "none",
    "likelihood": "gaussian",
    "variance": VARIANCE,
    "latent_dim": 32,
    "batch_size": 128,
    "log_every": 200,
    "learning_rate_schedule": "cosine",
    "eval_samples": 16,
}
MODELS: dict[str, dict[str, Any]] = {
    "linear": {
        "model": "linear",
        "learning_rate": 1e-2,
        "num_steps": 10_000,
        "precision": "highest",
    },
    "MLP": {
        "model": "mlp",
        "hidden": [128],
        "learning_rate": 1e-3,
        "num_steps": 12_000,
    },
}
NUM_SAMPLES = 64
"""Of z, an example, where a model is measured."""

CURVE_POINTS = 120
TARGET_PENALTIES = (1.0, 2.0, 10.0)
TOY_BETAS = (0.2, 0.5, 0.8, 0.95, 1.05, 1.2, 1.5, 2.0)
ELBO_SEEDS = tuple(range(12))


def configs_of(smoke: bool, mnist: bool = False, folder: Path | None = None) -> list:
    """Both models at every beta with every seed."""
    other: dict[str, Any] = {}
    if mnist:
        other |= {"dataset": "mnist", "latent_dim": 64, "num_steps": 40_000}
        other |= {} if folder is None else {"data_folder": str(folder)}
    if smoke:
        other |= {"num_steps": 200, "eval_samples": 2}
    return [
        from_mapping({**BASE, **fields, **other, "beta": beta, "seed": seed})
        for fields in MODELS.values()
        for beta in BETAS[:: 4 if smoke else 1]
        for seed in SEEDS[: 1 if smoke else None]
    ]


def pixels(config: Run) -> dict[str, np.ndarray]:
    """Both splits as the model has them, flat."""
    dataset = assembly.kit(config).dataset
    return {
        name: getattr(dataset, name).images.reshape(
            len(getattr(dataset, name).images), -1
        )
        / np.float32(dataset.max_value)
        for name in ("train", "test")
    }


def plane_of(out: Path, configs: list[Run], curves: dict[str, Any]) -> pd.DataFrame:
    """A row a run and split: its rate, its squared error, and the curve's at that rate."""
    rows, x_of = [], pixels(configs[0])
    measures = {name: measure_of(name, configs) for name in MODELS}
    for member, config in enumerate(configs):
        name = "linear" if config["model"] == "linear" else "MLP"
        params = results.load(out, member)
        for split, x in x_of.items():
            rate, error = map(float, measures[name](params, x))
            best = analytic.water_filling(curves[split], rate)
            rows.append(
                {"model": name, "split": split, "beta": config["beta"]}
                | {"seed": config["seed"], "rate": rate, "squared_error": error}
                | {"water_filling": float(best.distance)}
            )
    return pd.DataFrame(rows)


def measure_of(name: str, configs: list[Run]) -> Any:
    """`(params, x) -> rate, squared error` of a kind of model, in nats and pixels."""
    one = next(c for c in configs if (c["model"] == "linear") == (name == "linear"))
    kit = assembly.kit(one)

    def measure(params: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        images = x.reshape(len(x), *kit.facts.event_shape)
        posterior = kit.vae.encode(params, images, knobs=kit.knobs)
        rate = gaussian.kl_standard(*posterior).sum(axis=-1).mean()

        def error(key: jax.Array) -> jax.Array:
            z = gaussian.reparameterize(key, *posterior)
            mean, _ = kit.vae.decode(params, z, images, knobs=kit.knobs)
            return jnp.square(mean - images).sum() / len(x)

        keys = jax.random.split(jax.random.key(0), NUM_SAMPLES)
        return rate, jax.lax.map(error, keys).mean()

    return jax.jit(measure)


def spectra(config: Run) -> dict[str, np.ndarray]:
    """The eigenvalues of each split's covariance."""
    return {
        name: np.asarray(analytic.eigenvalues(x)) for name, x in pixels(config).items()
    }


def curves_of(found: dict[str, np.ndarray], most: float) -> pd.DataFrame:
    """Reverse water-filling of each split, up to a rate."""
    rates = np.linspace(0, most, CURVE_POINTS, dtype=np.float32)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "split": split,
                    "rate": rates,
                    "squared_error": analytic.water_filling(own, rates).distance,
                }
            )
            for split, own in found.items()
        ]
    )


def arms_of(smoke: bool) -> pd.DataFrame:
    """Members of the toy: the ELBO with many seeds, other betas, and a target rate."""
    few = SEEDS[:1] if smoke else SEEDS
    arms = [("ELBO", 1.0, 0.0, s) for s in (few if smoke else ELBO_SEEDS)]
    arms += [("beta", beta, 0.0, s) for beta in TOY_BETAS for s in few]
    arms += [("target", 0.0, c, s) for c in TARGET_PENALTIES for s in few]
    return pd.DataFrame(arms, columns=["arm", "beta", "penalty", "seed"])


def bins_of(smoke: bool) -> tuple[pd.DataFrame, dict[str, dict[str, np.ndarray]]]:
    """The toy: a row a member, and the encoders of a few of them."""
    arms = arms_of(smoke)
    found, channels = toy.train(
        arms["seed"], arms["beta"], arms["penalty"], 100 if smoke else toy.NUM_STEPS
    )
    rows = arms.assign(**found)
    rows["total"] = rows["distortion"] + rows["rate"]
    true = toy.source()
    shown = {
        str(member): {"encoder": channels["encoder"][member].astype(np.float32)}
        for member in shown_members(rows)
    }
    return rows, {
        "truth": {"centres": true.centres, "shares": true.shares},
        **shown,
    }


def shown_members(rows: pd.DataFrame) -> list[int]:
    """The ELBO's smallest, middle and largest rate, and the strongest target's first."""
    by_rate = rows[rows["arm"] == "ELBO"].sort_values("rate").index
    chosen = [by_rate[0], by_rate[len(by_rate) // 2], by_rate[-1]]
    target = rows[rows["penalty"] == rows["penalty"].max()].index[0]
    return [int(member) for member in dict.fromkeys([*chosen, target])]


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    channels = load_arrays(page / "channels.npz")
    truth = channels.pop("truth")
    plane, curves, bins = read_rows(page, "plane", "curves", "bins")
    figure = figures.rate_distortion_figure(
        plane,
        curves,
        bins,
        {int(name): own["encoder"] for name, own in channels.items()},
        float(toy.entropy(truth["shares"])),
    )
    save_figure(figure, picture)


def main() -> None:
    """Run both halves, judge, draw, and say where everything is."""
    parser = drawn_page_parser(__doc__)
    parser.add_argument("--paper", action="store_true", help="the plane on MNIST")
    parser.add_argument("--data", type=Path, help="folder of MNIST's four files")
    arguments = page_arguments(parser)
    if arguments.publish and arguments.paper:
        parser.error("--publish replaces the rows of the digits; got it with --paper")
    if arguments.redraw:
        redraw_page(NAME, draw_page, of_page)
        return
    sweeps.setup_jax()
    configs = configs_of(arguments.smoke, arguments.paper, arguments.data)
    out = arguments.out or folder_for(NAME, configs)
    sweeps.run(configs, out)
    found = spectra(configs[0])
    plane = plane_of(out, configs, found)
    bins, channels = bins_of(arguments.smoke)
    print(plane.to_string(index=False, float_format="{:.4f}".format))
    print(bins.to_string(index=False, float_format="{:.4f}".format))
    curves = curves_of(found, float(plane["rate"].max()))
    save_rows(out / "page", plane=plane, curves=curves)
    save_rows(out / "page", digits=EXACT_DIGITS, bins=bins)
    save_arrays(out / "page" / "channels.npz", channels)
    finish_page(NAME, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
