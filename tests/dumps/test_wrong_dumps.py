"""Files that are not what they should be: each is named in one line, with what to do."""

import json
import pickle
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dump_arrays import (
    BFLOAT16,
    EXAMPLES,
    UNITS,
    likelihoods,
    posterior,
    write_npz,
    write_parquet,
    write_safetensors,
)

from vae_jax import dumps
from vae_jax.dumps import _files

MEANS, LOGVARS = posterior()
LIKELY = likelihoods()
GOOD = {"means": MEANS, "logvars": LOGVARS}


def with_nan(array):
    array = array.copy()
    array[7, 2] = np.nan
    return array


WRONG = {
    "standard deviations by name": (
        {"means": MEANS, "sigma": np.exp(LOGVARS / 2)},
        r"`sigma` .* named as standard deviations are.*Say --std sigma",
    ),
    "variances by name": (
        {"means": MEANS, "variance": np.exp(LOGVARS)},
        r"`variance` .* named as variances are.*Say --var variance",
    ),
    "logarithms of standard deviations": (
        {"means": MEANS, "log_std": LOGVARS / 2},
        r"named as logarithms of standard deviations are.*--log-std log_std",
    ),
    "standard deviations by value": (
        {"means": MEANS, "logvars": np.exp(LOGVARS / 2)},
        r"`logvars` must be log-variances; all of its values are above 0.*--std logvars",
    ),
    "a mean over units": (
        {"means": MEANS.mean(axis=1), "logvars": LOGVARS.mean(axis=1)},
        r"`means` must have an axis for examples .*\(60,\), in which a mean was taken",
    ),
    "one row": (
        {"means": MEANS[:1], "logvars": LOGVARS[:1]},
        r"`means` must hold at least 2 examples .*\(1, 4\). Write .* a whole test set",
    ),
    "NaN": (
        {"means": with_nan(MEANS), "logvars": LOGVARS},
        r"`means` must be finite; 1 of 240 values are not, .*\(7, 2\): nan.*encoder fails",
    ),
    "infinite": (
        {"means": MEANS, "logvars": np.full_like(LOGVARS, -np.inf)},
        r"`logvars` must be finite; 240 of 240",
    ),
    "other lengths": (
        {"means": MEANS, "logvars": LOGVARS[:-3]},
        r"`logvars` must have the shape of `means`, \(60, 4\); got \(57, 4\).*same pass",
    ),
    "one log-variance for all": (
        {"means": MEANS, "logvars": LOGVARS[0]},
        r"got \(4,\), one for all examples.*np.broadcast_to\(logvars",
    ),
    "one of them transposed": (
        {"means": MEANS, "logvars": LOGVARS.T},
        r"`logvars` must have .*\(60, 4\); got \(4, 60\). One of them is transposed",
    ),
    "swapped": (
        {"means": LOGVARS, "logvars": MEANS},
        r"`means` and `logvars` seem to be swapped: in 2 of 4 .*--mean logvars --logvar",
    ),
    "integers": (
        {"means": (10 * MEANS).astype(np.int64), "logvars": LOGVARS},
        r"`means` must hold real numbers; got int64.*before any rounding",
    ),
    "words": (
        {"means": MEANS.astype(str), "logvars": LOGVARS},
        r"`means` must hold real numbers; got <U.*float32",
    ),
    "unknown names": (
        {"z": MEANS, "x": LOGVARS},
        r"must hold posterior means, named means, mean or mu, and log-variances, named "
        r"logvars, .*it holds `z` \(60, 4\), `x` \(60, 4\). Say --mean NAME for the means "
        r"and --logvar, --std, --var or --log-std NAME",
    ),
    "no log-variances": (
        {"means": MEANS, "codes": MEANS},
        r"hold log-variances.*`codes` \(60, 4\). Say --logvar, --std, --var or --log-std",
    ),
    "means alone": (
        {"means": MEANS},
        r"must hold log-variances.*\(60, 4\). Write log-variances into it",
    ),
    "an array of an unknown name": (
        {"z": MEANS},
        r"hold posterior means.*and log-variances.*Write means and log-variances into it",
    ),
    "means of an unknown name beside standard deviations": (
        {"z": MEANS, "sigma": np.exp(LOGVARS / 2)},
        r"Say --mean NAME for the means and --std sigma for the standard deviations",
    ),
    "means of an unknown name": (
        {"z": MEANS, "logvars": LOGVARS},
        r"must hold posterior means, named means, mean or mu; .*Say --mean NAME for",
    ),
    "two names for the same": (
        {"means": MEANS, "mu": MEANS, "logvars": LOGVARS},
        r"holds `means` and `mu`.*--mean",
    ),
    "log-likelihoods of another length": (
        {**GOOD, "log_likelihood": LIKELY["log_likelihood"][:-1]},
        r"`log_likelihood` must have a number for each of the 60 examples .*got 59",
    ),
    "log-likelihoods of pixels": (
        {**GOOD, "log_likelihood": -np.ones((EXAMPLES, 64), np.float32)},
        r"`log_likelihood` must have one number an example, the sum over its pixels",
    ),
    "losses": (
        {**GOOD, "log_likelihood": -LIKELY["log_likelihood"]},
        r"`log_likelihood` must be log-likelihoods; all are above 0.*minus the loss",
    ),
    "losses, shuffled too": (
        {
            **GOOD,
            "log_likelihood": -LIKELY["log_likelihood"],
            "log_likelihood_shuffled": -LIKELY["log_likelihood_shuffled"],
        },
        r"lower under an example's own z .*by 3.\d+ on average: these are losses",
    ),
    "only shuffled ones": (
        {**GOOD, "log_likelihood_shuffled": LIKELY["log_likelihood_shuffled"]},
        r"`log_likelihood_shuffled` says nothing without `log_likelihood`",
    ),
    "transposed": (
        {"means": MEANS.T, "logvars": LOGVARS.T},
        r"`means` has the shape \(4, 60\): 4 examples of 60 units.*--layout dn",
    ),
    "transposed, with log-likelihoods": (
        {"means": MEANS.T, "logvars": LOGVARS.T, **LIKELY},
        r"each of the 4 examples of `means`; got 60. `means` seems to be transposed",
    ),
    "channels first": (
        {"means": np.zeros((9, 2, 8, 8)), "logvars": np.zeros((9, 2, 8, 8))},
        r"does not tell where the channels are.*--layout nchw if they come first, as",
    ),
    "too many axes": (
        {"means": np.zeros((2,) * 6), "logvars": np.zeros((2,) * 6)},
        r"`means` must have 2 to 5 axes; got the shape \(2, 2, 2, 2, 2, 2\)",
    ),
    "no examples": (
        {"means": np.zeros((0, 0)), "logvars": np.zeros((0, 0))},
        r"`means` must hold at least 2 examples and a unit",
    ),
    "Python objects": (
        {"means": np.array([[1.0], [1.0, 2.0]], dtype=object), "logvars": LOGVARS},
        r"`means` in .* holds Python objects, which are pickled and not read",
    ),
    "bfloat16 of an npz": (
        {"means": MEANS.astype(BFLOAT16), "logvars": LOGVARS},
        r"`means` must hold real numbers; got \|V2. Convert it to float32",
    ),
}


def refusal(path, **options):
    with pytest.raises(ValueError, match=r".") as refused:
        dumps.read_dump(path, **options)
    message = str(refused.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_with_the_fix(case, tmp_path):
    arrays, pattern = WRONG[case]
    write_npz(tmp_path / "a.npz", arrays)
    with pytest.raises(ValueError, match=pattern) as refused:
        dumps.read_dump(tmp_path / "a.npz")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"std": "widths"}, "`std` must name an array of"),
        (
            {"mean": "centres"},
            "holds `means` (60, 4), `logvars` (60, 4); got 'centres'",
        ),
        ({"std": "logvars"}, "must be standard deviations, above 0; got -"),
        (
            {"std": "means", "var": "means"},
            "must be given, not several; got --std means",
        ),
        ({"logvar": "means"}, "must name two arrays"),
        ({"layout": "nxd"}, "`layout` must be letters"),
        ({"layout": "nchw"}, "a letter an axis of `means`, (60, 4); got 'nchw'"),
        ({"layout": "cd"}, "`layout` must be letters"),
    ],
)
def test_options_that_do_not_fit(options, words, tmp_path):
    write_npz(tmp_path / "a.npz", GOOD)
    assert words in refusal(tmp_path / "a.npz", **options)


def test_a_posterior_without_width_has_no_logarithm(tmp_path):
    write_npz(tmp_path / "a.npz", {"means": MEANS, "std": 0 * MEANS})
    assert "without any width" in refusal(tmp_path / "a.npz", std="std")


FILES = {
    "nothing": (b"", "is empty. Write it again: np.savez("),
    "text": (b"mean,logvar\n0.1,0.2\n", "begins with b'mean,log'"),
    "npy": (b"\x93NUMPY\x01\x00v\x00{'descr'", "as one array of np.save does"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(60), "as HDF5 does"),
    "pickle": (pickle.dumps({"means": [1.0]}), "is a pickle"),
    "half a zip": (b"PK\x03\x04" + bytes(200), "is damaged"),
    "half a parquet": (b"PAR1" + bytes(200), "is damaged"),
    "half a safetensors": (struct.pack("<Q", 900) + b'{"means":', "is damaged"),
}


@pytest.mark.parametrize("case", FILES)
def test_other_files_are_told_by_their_first_bytes(case, tmp_path):
    content, words = FILES[case]
    (tmp_path / "posterior.npz").write_bytes(content)
    assert words in refusal(tmp_path / "posterior.npz")


def test_a_checkpoint_of_torch_is_a_zip_with_a_pickle(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02}q\x00.")
    assert "as torch.save writes it" in refusal(tmp_path / "model.pt")


@pytest.mark.parametrize("write", [write_npz, write_parquet, write_safetensors])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_file_that_ends_early_is_damaged(write, share, tmp_path):
    path = tmp_path / "a.npz"
    write(path, GOOD)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "is damaged" in refusal(path)


@pytest.mark.parametrize("place", [0.4, 0.7])
def test_an_npz_with_other_bytes_is_damaged(place, tmp_path):
    """The archive's checksum is of every array."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **GOOD)
    content = bytearray(path.read_bytes())
    at = int(place * len(content))
    content[at : at + 8] = bytes(8)
    path.write_bytes(bytes(content))
    assert "is damaged" in refusal(path)


def test_a_header_that_promises_more_than_there_is(tmp_path):
    """A shape of a terabyte above a few bytes takes no memory."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)}
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name in ("means", "logvars"):
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array_header_1_0(file, header)
    assert "has not the bytes of its shape" in refusal(tmp_path / "a.npz")
    tensors = {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}
    text = json.dumps({"means": tensors}).encode()
    (tmp_path / "b").write_bytes(struct.pack("<Q", len(text)) + text)
    assert "is damaged" in refusal(tmp_path / "b")


@pytest.mark.parametrize("write", [np.savez_compressed, None])
def test_what_is_too_large_is_not_read(write, tmp_path, monkeypatch):
    """Zeros that take few bytes in the file, and many in memory."""
    monkeypatch.setattr(_files, "MOST_BYTES", 10**5)
    path, zeros = tmp_path / "a.npz", np.zeros((20000, 4))
    if write is None:
        column = pa.array(zeros.tolist())
        pq.write_table(pa.table({"means": column, "logvars": column}), path)
    else:
        write(path, means=zeros, logvars=zeros)
    assert path.stat().st_size < 10**5
    assert "GiB are read. Write fewer examples" in refusal(path)


def test_lists_of_other_lengths(tmp_path):
    lists = pa.array([[1.0, 2.0], [1.0]])
    pq.write_table(pa.table({"means": lists, "logvars": lists}), tmp_path / "a")
    assert "must have lists of one length" in refusal(tmp_path / "a")


def test_missing_numbers_are_not_finite(tmp_path):
    lists = pa.array([[1.0, None]] * 5)
    pq.write_table(pa.table({"means": lists, "logvars": lists}), tmp_path / "a")
    assert "must be finite; 5 of 10" in refusal(tmp_path / "a")


def test_a_missing_file_is_not_made_up(tmp_path):
    with pytest.raises(FileNotFoundError):
        dumps.read_dump(tmp_path / "nowhere.npz")


def test_units_are_those_of_the_file():
    assert MEANS.shape == (EXAMPLES, UNITS)  # what the messages above count
