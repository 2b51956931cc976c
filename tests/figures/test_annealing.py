"""The page of the main job, from rows made by hand."""

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from vae_jax import figures
from vae_jax.figures._annealing import join_images, map_cells
from vae_jax.figures._style import SCHEDULE_COLOURS

SCHEDULES = ["cyclical", "linear", "constant", "cosine", "sigmoid"]
STEPS = [50, 100, 150]


def table(*rows):
    names = ["decoder", "free_bits", "beta", "schedule", "seed"]
    names += ["mutual_information", "verdict"]
    return pd.DataFrame(rows, columns=names).assign(member=range(len(rows)))


@pytest.fixture
def runs():
    """Two decoders under every schedule, two seeds each; information 10 d + s + seed."""
    return table(
        *[
            (decoder, 0.0, 1.0, schedule, seed, 10.0 * d + s + seed, "healthy")
            for d, decoder in enumerate(["MLP", "autoregressive, full"])
            for s, schedule in enumerate(SCHEDULES)
            for seed in (0, 1)
        ],
        ("MLP", 0.5, 2.0, "linear", 0, 7.0, "collapsed"),
    )


@pytest.fixture
def history(runs):
    """The rate of a member is its number plus the step over 100."""
    return pd.DataFrame(
        [
            {"member": member, "step": step, "rate": 1 + member + step / 100}
            for member in runs["member"]
            for step in STEPS
        ]
    )


@pytest.fixture
def figure(runs, history):
    betas = {s: np.linspace(0, 1 + i, 150) for i, s in enumerate(SCHEDULES)}
    pictures = {
        title: {row: np.full((3, 4, 4), level) for row in ("data", "samples")}
        for title, level in (("collapsed", 0.2), ("healthy", 0.8))
    }
    return figures.annealing_figure(runs, history, betas, pictures, 1.0)


def lines(figure, colour):
    """The points of every line in a colour, legends left out."""
    return [
        np.asarray(line.get_xydata())
        for axes in figure.get_axes()
        for line in axes.findobj(Line2D)
        if line.get_color() == colour and len(line.get_xdata())
    ]


def test_every_schedule_is_drawn_and_named_with_its_own_colour(figure):
    (legend,) = figure.findobj(Legend)
    drawn = {
        text.get_text(): handle.get_color()
        for text, handle in zip(legend.get_texts(), legend.get_lines(), strict=True)
    }
    assert drawn == SCHEDULE_COLOURS
    assert len(set(drawn.values())) == 5
    for index, schedule in enumerate(SCHEDULES):
        beta, *_ = lines(figure, SCHEDULE_COLOURS[schedule])
        np.testing.assert_array_equal(beta[:, 1], np.linspace(0, 1 + index, 150))


def test_the_rate_is_the_mean_over_seeds(figure):
    """Members 2 s and 2 s + 1 of the first decoder, ten further of the second."""
    for index, schedule in enumerate(SCHEDULES):
        _, *rates = lines(figure, SCHEDULE_COLOURS[schedule])
        assert len(rates) == 2
        for decoder, rate in enumerate(rates):
            np.testing.assert_array_equal(rate[:, 0], STEPS)
            first = 10 * decoder + 2 * index
            expected = 1 + first + 0.5 + np.array(STEPS) / 100
            np.testing.assert_allclose(rate[:, 1], expected, rtol=1e-12)


def test_the_page_can_be_saved_and_says_what_it_shows(figure):
    image = io.BytesIO()
    figure.savefig(image, dpi=30)  # warnings of the layout are errors here
    assert image.getvalue().startswith(b"\x89PNG")
    text = [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text"))]
    for words in ("collapsed", "healthy", "data", "samples", "autoregressive, full"):
        assert any(words in t for t in text), words


def test_cells_are_means_over_seeds_in_the_order_of_decoders_and_schedules(runs):
    information, words = map_cells(runs)
    order = ["constant", "linear", "sigmoid", "cosine", "cyclical"]
    columns = [f"beta 1\n{schedule}" for schedule in order] + ["beta 2\nlinear"]
    rows = ["MLP", "MLP, free bits 0.5", "autoregressive, full"]
    for cells in (information, words):
        assert list(cells.columns) == columns
        assert list(cells.index) == rows
    usual = [SCHEDULES.index(schedule) + 0.5 for schedule in order]
    nan = np.nan
    expected = [[*usual, nan], [nan] * 5 + [7.0], [10 + x for x in usual] + [nan]]
    np.testing.assert_array_equal(information, expected)
    assert words.loc["MLP, free bits 0.5", "beta 2\nlinear"] == "collapsed"
    assert words.loc["MLP", "beta 1\ncosine"] == "healthy"


def test_a_decoder_comes_where_it_first_stands_and_betas_by_their_size():
    runs = table(
        ("window 2", 0.0, 10.0, "constant", 0, 1.0, "healthy"),
        ("MLP", 0.0, 2.0, "constant", 0, 3.0, "healthy"),
        ("window 2", 0.0, 0.5, "constant", 0, 5.0, "healthy"),
        ("MLP", 0.0, 10.0, "constant", 0, 7.0, "healthy"),
    )
    information, _ = map_cells(runs)
    assert list(information.index) == ["window 2", "MLP"]
    assert list(information.columns) == [
        f"beta {beta}\nconstant" for beta in ("0.5", "2", "10")
    ]
    np.testing.assert_array_equal(information, [[5, np.nan, 1], [np.nan, 3, 7]])


def test_the_word_of_a_cell_is_the_commonest_of_its_seeds():
    verdicts = ["healthy", "collapsed", "collapsed"]
    runs = table(
        *[("MLP", 0.0, 1.0, "constant", i, 1.0, v) for i, v in enumerate(verdicts)]
    )
    assert map_cells(runs)[1].to_numpy().tolist() == [["collapsed"]]


@pytest.mark.parametrize(
    ("run", "label"),
    [
        ({"model": "mlp", "window": None}, "MLP"),
        ({"model": "linear", "window": float("nan")}, "linear"),
        ({"model": "my.module:make", "window": 3}, "my.module:make"),
        ({"model": "autoregressive", "window": None}, "autoregressive, full"),
        ({"model": "autoregressive", "window": float("nan")}, "autoregressive, full"),
        ({"model": "autoregressive", "window": 0.0}, "autoregressive, window 0"),
        ({"model": "autoregressive", "window": 8}, "autoregressive, window 8"),
    ],
)
def test_a_decoder_is_called_by_what_it_sees(run, label):
    assert figures.decoder_label(run) == label


def test_images_stand_in_a_row_with_a_margin():
    images = np.arange(1, 13, dtype=float).reshape(3, 2, 2)
    assert join_images(images).tolist() == [
        [0] * 12,
        [0, 1, 2, 0, 0, 5, 6, 0, 0, 9, 10, 0],
        [0, 3, 4, 0, 0, 7, 8, 0, 0, 11, 12, 0],
        [0] * 12,
    ]


def test_drawing_needs_no_jax():
    script = """
import sys
import numpy as np
import pandas as pd
from vae_jax import figures
run = {"model": "mlp", "window": None}
runs = pd.DataFrame([{"decoder": figures.decoder_label(run), "free_bits": 0.0,
    "beta": 1.0, "schedule": "linear", "member": 0, "mutual_information": 1.0,
    "verdict": "healthy"}])
history = pd.DataFrame({"member": [0, 0], "step": [1, 2], "rate": [1.0, 2.0]})
pictures = {"healthy": {"data": np.ones((2, 4, 4))}}
betas = {"linear": np.linspace(0, 1, 2)}
figure = figures.annealing_figure(runs, history, betas, pictures, 1.0)
assert len(figure.get_axes()) > 3
print([name for name in ("jax", "flax", "optax") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
