"""Small facts about collapse, each against its theory: bounds, non-identifiability, a bit.

Claim: the rate that a delta-VAE commits to, the collapse of a linear CVAE by what its
    condition tells, a unit of pPCA that the likelihood does not know, and the gap of a VAE
    of two points are what their theory says, and variances of posterior means have two
    modes with 0.01 between them.
Command: `python -m experiments.small_theory` (`--smoke`: a few steps, no claim)
Minutes: 1.1 of one CPU core; resumable.
Numbers: `experiments/results/small_theory/`, told in `README.md` beside.

delta-VAE, Razavi et al. (2019): BFGS over means and log-variances from three starts, with
2, 4 and 10 steps of the prior. CVAE, Dang et al. (2024): 256 examples of 4 features with
the eigenvalues 3, 2, 1 and 0.5, each correlated by rho with its own condition, beta times
variance 0.5, three seeds, Adam 1e-2 with a cosine, 6000 steps of all examples. pPCA, Wang,
Blei & Cunningham (2021): 500 examples of 5 features, weights of deviation 2, noise 0.1,
three draws of weights and data. One-bit VAE, by R. Shu: the points 0^d and 1^d, d = 1 to
64, one Gaussian z, logits linear in it, three seeds, Adam 0.1 with a cosine, 20 000 steps;
the noise of z is summed over in equal steps. With 64 draws in its place (Adam 2e-2, 6000
steps) 0.05 to 0.09 nats of KL were left at d = 1, where the optimum is flat: they cost
1e-4 nats. Active units, Burda et al. (2016): MLP VAEs of 64 hidden and 16 latent units on
binarised digits, beta = 1 and 2, five seeds, Adam 1e-3 with a cosine, 8000 steps. All runs
of a kind are one compiled program.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from experiments._claims.small_theory import of_page
from experiments._pages import (
    EXACT_DIGITS,
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments._parts.small_theory_bits import PIXELS
from experiments._parts.small_theory_forms import (
    bit_lines,
    committed_lines,
    committed_rows,
    hidden_rows,
    surface_rows,
)
from experiments._parts.small_theory_runs import configs_of, cvae_lines, trained
from vae_jax import figures, sweeps

NAME = "small_theory"


def exact_tables() -> dict[str, pd.DataFrame]:
    """What needs no training, and the lines beside what does."""
    pixels = np.unique(np.geomspace(PIXELS[0], PIXELS[-1], 25).round().astype(int))
    return {
        "committed": committed_rows(),
        "committed_lines": committed_lines(),
        "surfaces": surface_rows(),
        "hidden": hidden_rows(),
        "cvae_lines": cvae_lines(),
        "one_bit_lines": bit_lines(pixels.tolist()),
    }


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    tables = {path.stem: pd.read_csv(path) for path in page.glob("*.csv")}
    save_figure(figures.small_theory_figure(tables), picture)


def main() -> None:
    """Compute, train, print what holds, draw the figure, and say where everything is."""
    arguments = page_arguments(drawn_page_parser(__doc__))
    if arguments.redraw:
        redraw_page(NAME, draw_page, of_page)
        return
    sweeps.setup_jax()
    configs = configs_of(arguments.smoke)
    every = [config for own in configs.values() for config in own]
    out = arguments.out or folder_for(NAME, every)
    save_rows(out / "page", digits=EXACT_DIGITS, **exact_tables())
    save_rows(out / "page", **trained(configs, out))
    finish_page(NAME, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
