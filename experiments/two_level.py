"""Collapse in a VAE of two levels against exact theory: Dang et al. (2024).

Claim: trained by the sweep engine, a linear VAE of two levels ends at the optimum that the
    eigenvalues of the data predict: singular values and KL of both levels within 1 %, the
    collapsed level named right in every setting; a larger beta1 or a smaller beta2 revives
    level 2, with ReLU networks too.
Command: `python -m experiments.two_level` (`--smoke`: a few steps, no claim; `--paper`:
    the paper's data, sizes and steps)
Minutes: 7.3 of one CPU core; resumable.
    `--paper` asks for a GPU.
Numbers: `experiments/results/two_level/`, told in `README.md` beside.

Digits, 5 units in either level, s1 = eta_enc = eta_dec = 0.5, beta1 and beta2 as the paper
has them and three settings more in which level 1 collapses too; Adam with a cosine to 0.
The linear runs train on the mean over the noise of z1 and z2 in closed form, batch by
batch: with drawn noise and 10 000 steps singular values of U2 at beta2 = 0.1 were 2 to 12 %
short (one seed), in a direction that the objective hardly sees, and with the mean 0.6 and
3 %. What is drawn in evaluation stands beside.
57 linear members are one compiled program, 48 with ReLU networks another. The paper's
linear model has 10 units in either level, on MNIST, 100 epochs of Adam 1e-3 in batches of
128; its ReLU model 16 units, layers of 256 and a tanh at every output, which is not here.

Settings are left out of the comparison, and shown, where an eigenvalue lies within 10 % of
a threshold of level 1, or the variance of a unit of z1 within 5 % of that of level 2 (it
goes as the root of an eigenvalue there): the optimum is flat in that direction.
"""

from pathlib import Path
from typing import Any

from experiments._claims.two_level import of_page
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
from experiments._parts.two_level_rows import (
    BETAS,
    RELU_BETAS,
    VARIANCES,
    shown,
    tables_of,
)
from experiments._parts.two_level_training import PATH
from vae_jax import figures, sweeps
from vae_jax.configs import Run

NAME = "two_level"
PAPER = "two_level_paper"
SEEDS = [0, 1, 2]
OTHERS = [(2.0, 4.0), (6.0, 4.0), (4.0, 6.0)]
"""(beta1, beta2) in which units of level 1 collapse, all of it, and both levels."""
BASE: dict[str, Any] = {
    "dataset": "digits",
    "binarize": "none",
    "model": "linear",
    "likelihood": "gaussian",
    "remedy": PATH,
    "latent_dim": 5,
    "second_dim": 5,
    "expected": True,
    **VARIANCES,
    "batch_size": 300,
    "num_steps": 40_000,
    "log_every": 400,
    "learning_rate": 3e-2,
    "learning_rate_schedule": "cosine",
    "eval_split": "train",
    "precision": "highest",
}
RELU: dict[str, Any] = {
    "model": "mlp",
    "hidden": [32],
    "expected": False,
    "batch_size": 100,
    "num_steps": 1_200,
    "log_every": 120,
    "learning_rate": 3e-3,
}
AS_PAPER: dict[str, Any] = {
    "dataset": "mnist",
    "expected": False,
    "latent_dim": 10,
    "second_dim": 10,
    "batch_size": 128,
    "num_steps": 42_900,
    "log_every": 429,
    "learning_rate": 1e-3,
    "learning_rate_schedule": "constant",
    "clip_norm": 0.1,
}
RELU_AS_PAPER: dict[str, Any] = {"latent_dim": 16, "second_dim": 16, "hidden": [256]}


def linear_spec(paper: bool) -> dict[str, Any]:
    """Linear models in all settings."""
    betas = {"beta": BETAS, "beta_two": BETAS, "seed": SEEDS}
    others = [{"beta": [one], "beta_two": [two], "seed": SEEDS} for one, two in OTHERS]
    base = {**BASE, **(AS_PAPER if paper else {})}
    return {"base": base, "grid": [betas, *others]}


def relu_spec(paper: bool) -> dict[str, Any]:
    """ReLU networks in theirs."""
    base = {**BASE, **RELU, **(AS_PAPER | RELU_AS_PAPER if paper else {})}
    grid = {"beta": RELU_BETAS, "beta_two": RELU_BETAS, "seed": SEEDS}
    return {"base": base, "grid": grid}


def configs_of(paper: bool, smoke: bool) -> tuple[list[Run], list[Run]]:
    """Linear members and ReLU networks, of a few steps and one seed if asked."""
    linear, relu = map(sweeps.expand, (linear_spec(paper), relu_spec(paper)))
    if not smoke:
        return linear, relu
    small = {"num_steps": 20, "log_every": 10, "eval_samples": 1}
    return (
        [one.changed(**small) for one in linear if one["seed"] == 0],
        [one.changed(**small, hidden=(4,)) for one in relu if one["seed"] == 0],
    )


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    tables = read_rows(page, "runs", "units", "theory")
    save_figure(figures.two_level_figure(*tables), picture)


def main() -> None:
    """Run, print the table and the verdicts, draw the figure."""
    parser = drawn_page_parser(__doc__)
    parser.add_argument("--paper", action="store_true", help="as the paper; for a GPU")
    arguments = page_arguments(parser)
    name = PAPER if arguments.paper else NAME
    if arguments.redraw:
        redraw_page(name, draw_page, of_page)
        return
    sweeps.setup_jax()
    linear, relu = configs_of(arguments.paper, arguments.smoke)
    out = arguments.out or folder_for(name, [*linear, *relu])
    sweeps.run(linear, out / "linear")
    sweeps.run(relu, out / "relu")
    tables = tables_of(out / "linear", out / "relu", linear[0])
    print(shown(tables["runs"]).to_string(float_format="{:.3f}".format))
    save_rows(out / "page", digits=EXACT_DIGITS, runs=tables.pop("runs"))
    save_rows(out / "page", **tables)
    finish_page(name, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
