"""The same arrays from every kind of file, whatever they are called."""

import jax
import numpy as np
import pandas as pd
import pytest
from dump_arrays import (
    BFLOAT16,
    EXAMPLES,
    WRITERS,
    likelihoods,
    posterior,
    write_npz,
    write_parquet,
    write_safetensors,
)

from vae_jax import diagnostics, dumps


@pytest.mark.parametrize("kind", WRITERS)
def test_every_kind_of_file_holds_the_same(kind, tmp_path):
    means, logvars = posterior()
    path = tmp_path / "posterior"  # the name says nothing
    WRITERS[kind](path, {"mu": means, "log_var": logvars, **likelihoods()})
    if not path.exists():  # numpy adds its own ending
        path = path.with_suffix(".npz")
    dump = dumps.read_dump(path)
    np.testing.assert_array_equal(dump.means, means)
    np.testing.assert_array_equal(dump.logvars, logvars)
    for got, written in zip(dump[2:5], likelihoods().values(), strict=True):
        np.testing.assert_array_equal(got, written)
    assert dump.unused == ()


def test_files_that_torch_writes_have_the_report_of_the_same_arrays(tmp_path):
    """A small encoder of PyTorch: the numbers of the report, and torch's own KL."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    torch.manual_seed(0)
    x = torch.rand(EXAMPLES, 1, 8, 8)
    encoder = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, 2, 1), torch.nn.ReLU(), torch.nn.Flatten()
    ).append(torch.nn.Linear(64, 8))
    with torch.no_grad():
        mean, logvar = encoder(x).chunk(2, dim=1)
    kl = -0.5 * (1 + logvar.double() - mean.double() ** 2 - logvar.double().exp())
    save_file(
        {"mean": mean.contiguous(), "logvar": logvar.contiguous()},
        tmp_path / "a.safetensors",
    )
    np.savez(tmp_path / "b.npz", mean=mean.numpy(), logvar=logvar.numpy())
    key = jax.random.key(0)
    expected = diagnostics.collapse_report(key, mean.numpy(), logvar.numpy())
    for name in ("a.safetensors", "b.npz"):
        dump = dumps.read_dump(tmp_path / name)
        report = diagnostics.collapse_report(key, dump.means, dump.logvars)
        for got, want in zip(report, expected, strict=True):
            if want is not None:
                np.testing.assert_allclose(got, want, atol=1e-6)
        np.testing.assert_allclose(report.kl_per_unit, kl.mean(0).numpy(), atol=1e-6)


def test_a_torch_checkpoint_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"means": torch.zeros(9, 2)}, tmp_path / "posterior.npz")
    with pytest.raises(ValueError, match=r"is a pickle, as torch.save .*np.savez"):
        dumps.read_dump(tmp_path / "posterior.npz")


@pytest.mark.parametrize(
    ("option", "transform"),
    [
        ("std", lambda logvars: np.exp(logvars / 2)),
        ("var", np.exp),
        ("log_std", lambda logvars: logvars / 2),
        ("logvar", lambda logvars: logvars),
    ],
)
def test_what_is_named_is_converted(option, transform, tmp_path):
    means, logvars = posterior()
    write_npz(tmp_path / "a.npz", {"loc": means, "width": transform(logvars)})
    dump = dumps.read_dump(tmp_path / "a.npz", mean="loc", **{option: "width"})
    np.testing.assert_allclose(dump.logvars, logvars, rtol=1e-6, atol=1e-6)
    assert "`width`" in dump.sources


@pytest.mark.parametrize("dtype", [np.float16, np.float64, BFLOAT16])
def test_other_precisions_are_read(dtype, tmp_path):
    means, logvars = (array.astype(dtype) for array in posterior())
    write_safetensors(tmp_path / "a", {"means": means, "logvars": logvars})
    dump = dumps.read_dump(tmp_path / "a")
    np.testing.assert_array_equal(dump.means, means.astype(np.float32))
    assert dump.logvars.dtype == np.float32


@pytest.mark.parametrize("write", [write_npz, write_safetensors, write_parquet])
@pytest.mark.parametrize(
    ("layout", "order"), [("nhwc", (0, 1, 2, 3)), ("nchw", (0, 3, 1, 2))]
)
def test_spatial_latents_end_as_channels_last(write, layout, order, tmp_path):
    means, logvars = posterior((EXAMPLES, 3, 3, 2))
    path = tmp_path / "a.npz"
    arrays = {"means": means.transpose(order), "logvars": logvars.transpose(order)}
    write(path, {name: np.ascontiguousarray(array) for name, array in arrays.items()})
    dump = dumps.read_dump(path, layout=layout)
    np.testing.assert_array_equal(dump.means, means)
    np.testing.assert_array_equal(dump.logvars, logvars)
    assert dump.layout.named == "nhwc"


def test_sequences_and_transposed_latents(tmp_path):
    means, logvars = posterior((EXAMPLES, 5, 2))
    write_npz(tmp_path / "a.npz", {"mean": means, "logvar": logvars})
    assert dumps.read_dump(tmp_path / "a.npz").layout == dumps.Layout("ntd", "t")
    swapped = {"mean": means.swapaxes(1, 2), "logvar": logvars.swapaxes(1, 2)}
    write_npz(tmp_path / "b.npz", swapped)
    dump = dumps.read_dump(tmp_path / "b.npz", layout="ndt")
    np.testing.assert_array_equal(dump.means, means)
    flat_means, flat_logvars = posterior()
    arrays = {"mean": flat_means.T, "logvar": flat_logvars.T, **likelihoods()}
    write_npz(tmp_path / "c.npz", arrays)
    dump = dumps.read_dump(tmp_path / "c.npz", layout="dn")
    np.testing.assert_array_equal(dump.means, flat_means)


def test_a_data_frame_of_pandas_is_read(tmp_path):
    means, logvars = posterior()
    frame = pd.DataFrame({"mean": list(means), "logvar": list(logvars)})
    frame["label"] = "seven"
    frame.to_parquet(tmp_path / "a.parquet")
    dump = dumps.read_dump(tmp_path / "a.parquet")
    np.testing.assert_array_equal(dump.means, means)
    assert dump.unused == ("label",)


def test_values_that_are_believed_because_they_were_named(tmp_path):
    """A posterior wider than the prior, and means below 0 beside widths around it."""
    means, logvars = posterior()
    write_npz(tmp_path / "a.npz", {"means": means, "logvars": np.exp(logvars)})
    dump = dumps.read_dump(tmp_path / "a.npz", logvar="logvars")
    np.testing.assert_allclose(dump.logvars, np.exp(logvars), rtol=1e-6)
    write_npz(tmp_path / "b.npz", {"means": logvars, "logvars": means})
    dump = dumps.read_dump(tmp_path / "b.npz", mean="means", logvar="logvars")
    np.testing.assert_array_equal(dump.means, logvars)


@pytest.mark.parametrize("seed", range(3))
def test_collapse_is_never_taken_for_a_wrong_file(seed, tmp_path):
    """Log-variances that are 0 but for noise, exact zeros, and a constant far away."""
    rng = np.random.default_rng(seed)
    noise = 1e-3 * rng.normal(size=(100, 3))
    for logvars, means in (
        (noise, noise[::-1]),
        (0 * noise, 0 * noise),
        (noise, noise - 5),
        (noise - 4, noise - 5),
    ):
        write_npz(tmp_path / "a.npz", {"means": means, "logvars": logvars})
        assert dumps.read_dump(tmp_path / "a.npz").means.shape == (100, 3)
