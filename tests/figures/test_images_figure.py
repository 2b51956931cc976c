"""Rows of images as they are: the pixels that are drawn are those that were given."""

import io

import numpy as np
import pytest
from PIL import Image

from vae_jax.figures import images_figure


def test_every_image_has_its_place_and_its_shade():
    shades = np.linspace(0, 1, 4)[:, None, None] * np.ones((1, 5, 5))
    figure = images_figure({"a": shades, "b": shades[:2]}, "title")
    drawn = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    means = [float(image.mean()) for image in drawn]
    assert means == pytest.approx([0, 1 / 3, 2 / 3, 1, 0, 1 / 3])
    assert {axes.images[0].get_clim() for axes in figure.axes if axes.images} == {
        (0, 1)
    }
    assert [axes.get_ylabel() for axes in figure.axes[::4]] == ["a", "b"]
    # where a row is shorter there is nothing, not even a frame
    assert not any(s.get_visible() for s in figure.axes[-1].spines.values())


def test_colours_stay_colours():
    red = np.zeros((1, 6, 6, 3))
    red[..., 0] = 1
    buffer = io.BytesIO()
    images_figure({"red": red}).savefig(buffer, format="png", dpi=80)
    pixels = np.asarray(Image.open(buffer).convert("RGB")).reshape(-1, 3)
    assert (pixels == [255, 0, 0]).all(axis=1).sum() > 400


@pytest.mark.parametrize(
    "rows", [{}, {"a": np.zeros((8, 8))}, {"a": np.zeros((0, 8, 8))}]
)
def test_what_is_no_row_of_images_is_refused(rows):
    with pytest.raises(ValueError, match="`rows` must hold"):
        images_figure(rows)
