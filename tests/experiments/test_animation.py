"""Animations of pages: all frames, in the order given, small, and the same every time."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from experiments import _animation
from experiments._animation import save_animation

HEIGHTS = (0.2, 0.5, 0.9)


def draw(height):
    figure = Figure(figsize=(2, 1))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.fill_between([0, 1], 0, height, color="#0072B2")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    return figure


@pytest.mark.parametrize("suffix", _animation.SUFFIXES)
def test_every_frame_is_there_for_its_time(tmp_path, suffix):
    path = tmp_path / f"moving{suffix}"
    save_animation(path, HEIGHTS, draw, seconds=0.3, last_seconds=1.2)
    with Image.open(path) as found:
        assert found.n_frames == len(HEIGHTS)
        assert found.size == (160, 80)
        for k, height in enumerate(HEIGHTS):
            found.seek(k)
            found.load()
            blue = np.asarray(found.convert("RGB"))[:, 80, 0] < 100
            assert blue.mean() == pytest.approx(height, abs=0.03)
            spent = 1200 if k == len(HEIGHTS) - 1 else 300
            assert found.info["duration"] == spent


def test_equal_frames_are_equal_bytes(tmp_path):
    for name in ("one.gif", "two.gif"):
        save_animation(tmp_path / name, HEIGHTS, draw)
    assert (tmp_path / "one.gif").read_bytes() == (tmp_path / "two.gif").read_bytes()


def test_what_is_too_large_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(_animation, "LARGEST", 100)
    with pytest.raises(ValueError, match="of 100 at most"):
        save_animation(tmp_path / "large.gif", HEIGHTS, draw)
    assert not list(tmp_path.iterdir())


def test_wrong_uses_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must end in one of .*'moving.mp4'"):
        save_animation(tmp_path / "moving.mp4", HEIGHTS, draw)
    with pytest.raises(ValueError, match="at least one"):
        save_animation(tmp_path / "moving.gif", [], draw)
    with pytest.raises(ValueError, match="one size"):
        save_animation(
            tmp_path / "moving.gif", [1, 2], lambda size: Figure(figsize=(size, 1))
        )
