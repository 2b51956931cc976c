"""Shapes that do not say their layout, and values that look like something else."""

import numpy as np
import pytest
from dump_arrays import write_npz

from vae_jax import dumps
from vae_jax.dumps import _layout, _values


@pytest.mark.parametrize(
    "shape",
    [
        (200, 16, 8, 8),
        (200, 64, 8, 8),
        (200, 32, 1, 1),
        (200, 8, 8, 8),
        (200, 4, 6, 3),
        (200, 6, 4, 3),
        (200, 4, 5, 8, 8),
    ],
)
def test_shapes_that_may_lie_either_way_are_refused(shape):
    first = "nchw" if len(shape) == 4 else "ncthw"
    with pytest.raises(ValueError, match=f"Say --layout {first} if they come first"):
        _layout.as_layout(None, shape, "means")
    assert _layout.as_layout(first, shape, "means").given == first


@pytest.mark.parametrize("shape", [(200, 8, 8, 16), (200, 1, 1, 32), (9, 5, 8, 8, 4)])
def test_square_images_with_channels_last_are_read(shape):
    assert _layout.as_layout(None, shape, "means").named == _layout.USUAL[len(shape)]


def test_capital_letters_and_b_for_the_batch(tmp_path):
    means = np.random.default_rng(0).normal(size=(9, 3, 2, 2)).astype(np.float32)
    write_npz(tmp_path / "a.npz", {"means": means, "logvars": -means})
    for layout in ("NCHW", "bchw", "BCHW"):
        dump = dumps.read_dump(tmp_path / "a.npz", layout=layout)
        np.testing.assert_array_equal(dump.means, means.transpose(0, 2, 3, 1))
    with pytest.raises(ValueError, match="each once"):
        dumps.read_dump(tmp_path / "a.npz", layout="nbhw")


@pytest.mark.parametrize("seed", range(3))
def test_samples_are_told_from_means_where_posteriors_are_wide(seed):
    """Units at the optimum of a linear VAE: the means' variance is 1 - s, also 0."""
    rng = np.random.default_rng(seed)
    noise = np.array([0.05, 0.3, 0.6, 0.9, 1.0])
    means = rng.normal(size=(500, 5)) * np.sqrt(1 - noise)
    logvars = np.broadcast_to(np.log(noise), means.shape)
    samples = means + np.sqrt(noise) * rng.normal(size=means.shape)
    assert _values.remarks_on_samples("means", means, logvars) == []
    for some in (slice(None), slice(2, 3), slice(4, 5)):  # any wide unit says so
        told = _values.remarks_on_samples("z", samples[:, some], logvars[:, some])
        assert "`z` look like samples of z" in told[0]
    # narrow ones say nothing
    assert not _values.remarks_on_samples("z", samples[:, :2], logvars[:, :2])


def test_log_variances_above_0_are_believed_with_a_warning(tmp_path):
    means = np.random.default_rng(0).normal(0, 0.3, (60, 2)).astype(np.float32)
    write_npz(tmp_path / "a.npz", {"means": means, "logvars": np.exp(-0.1 * means)})
    (remark,) = dumps.read_dump(tmp_path / "a.npz", logvar="logvars").remarks
    assert "all are above 0" in remark
    assert "Say --std logvars or --var logvars" in remark
    assert dumps.read_dump(tmp_path / "a.npz", std="logvars").remarks == ()
