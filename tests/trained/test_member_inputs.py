"""What a member may be given, and what is refused before anything is compiled."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from families import TEXT, stored_run

from vae_jax import trained
from vae_jax.configs import Run

IMAGES = {
    "binary": {"hidden": (4,)},
    "grey": {"hidden": (4,), "likelihood": "gaussian"},
    "drawn": {"hidden": (4,), "binarize": "dynamic"},
    "reads": {"hidden": (4,), "model": "autoregressive"},
    "signed": {"hidden": (4, 4), "model": "pixelcnn", "likelihood": "logistic_mixture"},
}
RUNS = [Run.of(latent_dim=2, **settings) for settings in IMAGES.values()]


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    run = trained.open_run(stored_run(tmp_path_factory.mktemp("r") / "run", RUNS))
    return dict(zip(IMAGES, run, strict=True))


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    run = Run.of(latent_dim=2, hidden=(4,), model="lstm", embedding=3, **TEXT)
    return trained.open_run(stored_run(tmp_path_factory.mktemp("t") / "run", [run]))[0]


STORED = np.full((2, 8, 8), 16, np.uint8)
SEEN = np.ones((2, 8, 8), np.float32)


@pytest.mark.parametrize(
    ("name", "x", "prepared", "message"),
    [
        ("binary", SEEN, False, "must be uint8.*prepared=True"),
        ("binary", STORED[0], False, r"\(n, 8, 8\).*got \(8, 8\). Give one.*x\[None\]"),
        ("binary", STORED[:, :7], False, r"\(n, 8, 8\).*got \(2, 7, 8\)"),
        ("binary", STORED[:0], False, "at least 1"),
        ("binary", STORED + np.uint8(1), False, "levels from 0 to 16; got 17"),
        ("binary", STORED, True, "must be floating with `prepared=True`; got uint8"),
        ("binary", SEEN * 0.5, True, "must be 0 and 1, as this member sees.*got 0.5"),
        ("grey", SEEN * 16, True, "from 0 to 1; got 16.0"),
        ("grey", SEEN * np.nan, True, "must be finite"),
        ("signed", SEEN, True, r"\(n, 8, 8, 1\).*got \(2, 8, 8\)"),
        ("signed", SEEN[..., None] * -2, True, "from -1 to 1; got -2.0"),
    ],
)
def test_wrong_images_are_refused(members, name, x, prepared, message):
    with pytest.raises(ValueError, match=message):
        members[name].encode(x, prepared=prepared)


def test_images_as_stored_are_prepared_as_in_training(members):
    images = members["binary"].dataset.test.images[:4]
    assert (np.asarray(members["binary"].prepare(images)) == (images > 8)).all()
    grey = np.asarray(members["grey"].prepare(images))
    assert (grey == images / np.float32(16)).all()
    signed = members["signed"].prepare(images)
    assert signed.shape == (4, 8, 8, 1)
    np.testing.assert_allclose(signed[..., 0], images / 8 - 1, atol=1e-6)


def test_pixels_that_are_drawn_are_the_same_without_a_key_and_others_with_one(members):
    images = members["drawn"].dataset.test.images[:4]
    first = members["drawn"].prepare(images)
    assert (first == members["drawn"].prepare(images)).all()
    assert (first != members["drawn"].prepare(images, key=jax.random.key(5))).any()
    # by index: a longer array begins with the same
    assert (members["drawn"].prepare(images[:2]) == first[:2]).all()


@pytest.mark.parametrize(
    ("z", "message"),
    [
        (
            np.zeros(2),
            r"\(n, 2\), a code a row; got \(2,\). Give one code as `z\[None\]`",
        ),
        (np.zeros((3, 4)), r"\(n, 2\), a code a row; got \(3, 4\)"),
        (np.array([[np.inf, 0]]), "`z` must be finite"),
        (np.array([["a", "b"]]), "`z` must be real numbers"),
    ],
)
def test_wrong_codes_are_refused(members, z, message):
    with pytest.raises(ValueError, match=message):
        members["binary"].decode(z)


def test_a_decoder_that_reads_the_data_is_given_them_and_no_other(members):
    z = np.zeros((2, 2))
    with pytest.raises(ValueError, match="`x` must be given.*reads the data; got none"):
        members["reads"].decode(z)
    with pytest.raises(
        ValueError, match="`x` must be left out.*does not read the data"
    ):
        members["binary"].decode(z, STORED)
    with pytest.raises(ValueError, match="one example a code, 3; got 2"):
        members["reads"].decode(np.zeros((3, 2)), STORED)
    seen = members["reads"].decode(z, SEEN, prepared=True)
    np.testing.assert_allclose(seen, members["reads"].decode(z, STORED), rtol=1e-6)


def test_numbers_out_of_range_are_refused(members, writer):
    key, member = jax.random.key(0), members["binary"]
    with pytest.raises(ValueError, match="`n` must be at least 1; got 0"):
        member.sample(key, 0)
    with pytest.raises(TypeError, match="`key` must be a key"):
        member.sample(0, 1)
    with pytest.raises(ValueError, match="`temperature` is of sentences; got 0.5"):
        member.sample(key, 1, temperature=0.5)
    with pytest.raises(ValueError, match="`steps` must be at least 2; got 1"):
        member.interpolate(STORED, STORED, 1)
    with pytest.raises(ValueError, match="as many examples as `x_a`, 2; got 1"):
        member.interpolate(STORED, STORED[:1], 3)
    with pytest.raises(ValueError, match="`num_samples` must be at least 1; got 0"):
        member.log_likelihood(STORED, 0)
    with pytest.raises(ValueError, match="`top_p` must be above 0"):
        writer.sample(key, 1, top_p=0.0)
    with pytest.raises(ValueError, match="must be tokens, whole numbers; got float32"):
        writer.encode(np.zeros((2, 11), np.float32))
    with pytest.raises(ValueError, match="tokens from 0 to 5; got 9"):
        writer.encode(np.full((2, 11), 9))
    with pytest.raises(ValueError, match="must be images for a picture"):
        writer.pictures(np.zeros((2, 11)))


def test_pictures_are_from_0_to_1(members):
    images = members["signed"].dataset.test.images[:3]
    shown = members["signed"].pictures(members["signed"].prepare(images))
    np.testing.assert_allclose(shown, images / 16, atol=1e-6)
    beyond = members["grey"].pictures(jnp.array([[[-0.5, 2.0]]]))
    assert beyond.tolist() == [[[0.0, 1.0]]]
