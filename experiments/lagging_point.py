"""The path of a single sentence: He et al. (2019), Figure 3, in posterior-mean space.

Claim: with basic training a sentence goes along the horizontal axis only, as the true
    posterior moves and the encoder does not, and comes back, while with an encoder that is
    trained first every inner loop takes it up or down to the diagonal, by as much as the
    decoder's step before took it away.
Command: `python -m experiments.lagging_point` (`--smoke`: a few steps, no claim)
Minutes: 2.1 of one CPU core; resumable.
Numbers: `experiments/results/lagging_point/`, told in `README.md` beside.

The experiment of `lagging_inference` as the authors trace single points: 50 sentences of
the synthetic language are the only batch, and the encoder waits for the decoder to the end.
LSTMs of 50 units with embeddings of 50, one unit of z, dropout 0.5, SGD at 1.0 clipped to
5; five seeds, 20 steps of the decoder with at most 99 of the encoder before each, or 300 of
both together. The true posterior of 20 of the sentences is computed on a grid before every
step (of basic training at 25 moments). The decoder's step leaves the encoder alone, and the
inner loop the model: so the means before two steps tell where the point was in between.
"""

from pathlib import Path

import pandas as pd

from experiments._claims.lagging_point import of_page
from experiments._pages import (
    drawn_page_parser,
    finish_page,
    folder_for,
    page_arguments,
    redraw_page,
    save_figure,
    save_rows,
)
from experiments._parts.point_rows import (
    checks_of,
    gaps_of,
    means_of,
    path_of,
    shown_of,
    spreads_of,
    take_off,
)
from experiments._parts.point_runs import MOMENTS, configs_of, make_job
from vae_jax import figures, sweeps

NAME = "lagging_point"


def draw_page(page: Path, picture: Path) -> None:
    """The figure, from what was saved."""
    path = pd.read_csv(page / "path.csv")
    seed, window, points = shown_of(path)
    every = means_of(path, "aggressive").values()
    off = sum(take_off(means) is not None for means in every)
    title = (
        f"Paths of three of the sentences, seed {seed}: the encoder takes off with {off} "
        f"of {len(every)} seeds (circle: where what is drawn starts, star: its end)"
    )
    own = path[path["seed"] == seed]
    figure = figures.point_figure(
        own, spreads_of(path), gaps_of(path), points, window, title
    )
    save_figure(figure, picture)


def train(smoke: bool, out: Path | None) -> Path:
    """Run every seed both ways, save the rows, and say in which folder."""
    sweeps.setup_jax()
    configs = configs_of(smoke)
    out = out or folder_for(NAME, configs)
    runs = sweeps.run(configs, out, make_job=make_job).runs.to_pandas()
    path = path_of(runs, MOMENTS)
    save_rows(out / "page", path=path, checks=checks_of(runs, MOMENTS))
    return out


def main() -> None:
    """Run, judge, draw the figure, and say where everything is."""
    arguments = page_arguments(drawn_page_parser(__doc__))
    if arguments.redraw:
        redraw_page(NAME, draw_page, of_page)
        return
    out = train(arguments.smoke, arguments.out)
    finish_page(NAME, out, draw_page, of_page, arguments)


if __name__ == "__main__":
    main()
