"""Members of data that were scaled: in and out in the scale of the file, and without it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from families import stored_run

import vae_jax
from vae_jax import assembly, gaussian, results, sweeps, userdata
from vae_jax.cli import _picture
from vae_jax.configs import Run
from vae_jax.sweeps._told import remember, tell_data

SMALL = {"model": "linear", "latent_dim": 2, "batch_size": 10, "eval_samples": 4}
RNG = np.random.default_rng(5)
TABLE = RNG.normal(size=(60, 3)) * [2.0, 0.01, 500.0] + [0.0, 7.0, 1e5]


def member_of(folder, **settings):
    """As a sweep leaves it, with what it keeps of the data."""
    run = Run.of(**SMALL, **settings)
    stored_run(folder, [run])
    spec = results.read(folder).manifest["spec"]
    quiet = sweeps.Options(progress=False)
    tell_data(folder, [run], spec["inputs"], quiet)
    remember([run], spec["inputs"], quiet)
    return vae_jax.open_run(folder)[0]


def table(folder, rows=TABLE):
    path = folder / "table.csv"
    text = [",".join(map(repr, row)) for row in rows.tolist()]
    path.write_text("\n".join(["a,b,c", *text]))
    return str(path)


@pytest.fixture(scope="module")
def standard(tmp_path_factory):
    folder = tmp_path_factory.mktemp("standard")
    given = {"dataset": table(folder), "standardize": True, "likelihood": "gaussian"}
    return member_of(folder / "run", **given)


def test_the_file_is_what_the_data_set_holds_less_the_mean_over_the_spread(standard):
    given = {tuple(row) for row in TABLE.tolist()}
    for split in standard.dataset[1:4]:
        raw = standard.raw(split.images)
        # float32 holds 24 bits of x less its mean, which is a row of the file
        near = [min(np.abs(np.array(row) - TABLE).max(axis=1)) for row in raw]
        assert max(near) < 1e-3
        np.testing.assert_array_equal(standard.prepare(raw), split.images)
    assert len(given) == 60
    # of the training examples, by hand
    train = standard.raw(standard.dataset.train.images)
    origin = standard.about.origin
    np.testing.assert_allclose(train.mean(axis=0), origin.offset, rtol=1e-6)
    np.testing.assert_allclose(train.std(axis=0), origin.factor, rtol=1e-5)


def test_new_rows_are_prepared_by_the_training_set(standard):
    new = np.array([[1.0, 7.02, 1.003e5], [-3.0, 6.9, 9.9e4]])
    origin = standard.about.origin
    seen = (new - origin.offset) / origin.factor
    np.testing.assert_allclose(standard.prepare(new), seen, rtol=1e-6)
    by_hand = standard.encode(seen.astype(np.float32), prepared=True)
    np.testing.assert_array_equal(standard.encode(new).mean, by_hand.mean)


def test_the_picture_is_of_the_posteriors_that_the_report_is_of(standard):
    means, logvars = _picture.posteriors(standard)
    kl = np.asarray(gaussian.kl_standard(means, logvars)).mean(axis=0)
    np.testing.assert_allclose(kl, standard.report().report.kl_per_unit, rtol=1e-5)


def test_what_comes_back_is_in_the_scale_of_the_file(standard):
    new, key = standard.raw(standard.dataset.test.images[:4]), jax.random.key(0)
    z, origin = standard.encode(new).mean, standard.about.origin
    seen = standard.prepare(new)
    pairs = [
        (standard.decode(z), standard.decode(z, prepared=True)),
        (standard.reconstruct(new), standard.reconstruct(seen, prepared=True)),
        (standard.sample(key, 4), standard.sample(key, 4, prepared=True)),
        (standard.draw(key, z), standard.draw(key, z, prepared=True)),
        (
            standard.interpolate(new[:2], new[2:], 3),
            standard.interpolate(seen[:2], seen[2:], 3, prepared=True),
        ),
    ]
    for raw, own in pairs:
        wanted = np.asarray(own, np.float64) * origin.factor + origin.offset
        np.testing.assert_allclose(raw, wanted, rtol=1e-6)
    # the density is of the model's scale
    np.testing.assert_array_equal(
        standard.log_likelihood(new), standard.log_likelihood(seen, prepared=True)
    )


def test_a_range_is_taken_and_given_back(tmp_path):
    x = RNG.uniform(-1, 1, (60, 2, 2))
    made = userdata.from_arrays(x.reshape(60, 4), value_range=(-1.0, 1.0), shape=(2, 2))
    held = userdata.hold(made).dataset
    member = member_of(tmp_path / "run", dataset=held, likelihood="gaussian")
    seen = member.prepare(x[:5])
    np.testing.assert_allclose(seen, (x[:5] + 1) / 2, rtol=1e-6)
    # in the shape of the array as well
    np.testing.assert_array_equal(member.prepare(x[:5].reshape(5, 4)), seen)
    back = member.decode(np.zeros((1, 2)))
    wanted = 2 * np.asarray(member.decode(np.zeros((1, 2)), prepared=True)) - 1
    np.testing.assert_allclose(back, wanted, rtol=1e-6, atol=1e-6)
    shown = member.pictures(member.raw(seen))
    np.testing.assert_allclose(shown, seen, atol=1e-6)
    with pytest.raises(ValueError, match="numbers of the file from -1 to 1; got 1.5"):
        member.encode(np.full((1, 2, 2), 1.5))
    with pytest.raises(ValueError, match=r"\(n, 2, 2\), examples as they stand in"):
        member.encode(np.zeros((1, 5)))


def test_arrays_of_another_scale_are_other_data():
    one, two = (
        userdata.hold(userdata.from_arrays(x, standardize=True))
        for x in (TABLE, 2 * TABLE)
    )
    assert one != two


def test_a_member_works_without_its_file(tmp_path):
    path = table(tmp_path)
    given = {"dataset": path, "standardize": True, "likelihood": "gaussian"}
    before = member_of(tmp_path / "run", **given)
    rows = TABLE[:3]
    wanted = before.reconstruct(rows)
    before.export(tmp_path / "here")
    (tmp_path / "table.csv").unlink()
    member = vae_jax.open_run(tmp_path / "run")[0]
    np.testing.assert_array_equal(member.reconstruct(rows), wanted)
    np.testing.assert_array_equal(
        member.log_likelihood(rows), before.log_likelihood(rows)
    )
    for call in (member.evaluate, member.report, lambda: member.dataset):
        with pytest.raises(ValueError, match="the data of member 0 must be here for"):
            call()
    member.export(tmp_path / "gone")
    one, two = ((tmp_path / f / "card.md").read_text() for f in ("here", "gone"))
    assert one == two


def test_of_arrays_of_another_program_too(tmp_path, monkeypatch):
    held = userdata.hold(userdata.from_arrays(TABLE, standardize=True)).dataset
    before = member_of(tmp_path / "run", dataset=held, likelihood="gaussian")
    wanted = before.encode(TABLE[:3]).mean
    monkeypatch.setattr(userdata._held, "HELD", {})
    member = vae_jax.open_run(tmp_path / "run")[0]
    np.testing.assert_array_equal(member.encode(TABLE[:3]).mean, wanted)


def test_without_what_is_kept_the_file_is_needed(tmp_path):
    path = table(tmp_path)
    given = {"dataset": path, "standardize": True, "likelihood": "gaussian"}
    member_of(tmp_path / "run", **given)
    [kept] = (tmp_path / "run").glob("data-*.json")
    text = kept.read_text()
    assert "num_examples" in text
    kept.write_text(text.replace("num_examples", "num_Examples"))
    with pytest.raises(results.DamagedFile):
        vae_jax.open_run(tmp_path / "run")[0]
    kept.unlink()
    # as a folder of an earlier version: known by the file that is there
    member = vae_jax.open_run(tmp_path / "run")[0]
    assert member.about.origin.offset.shape == (3,)
    (tmp_path / "table.csv").unlink()
    with pytest.raises(FileNotFoundError, match="`dataset` must be a file"):
        vae_jax.open_run(tmp_path / "run")[0]


def test_the_export_is_in_the_scale_of_the_file(standard, tmp_path):
    folder = standard.export(tmp_path / "out")

    def load(part):
        content = bytearray((folder / f"{part}.bin").read_bytes())
        return jax.export.deserialize(content).call

    rows = jnp.asarray(TABLE[:4], jnp.float32)
    x = load("prepare")(rows)
    np.testing.assert_allclose(x, standard.prepare(rows), rtol=1e-5, atol=1e-6)
    mean, _ = load("encoder")(x)
    decoded, parameters = load("decoder")(mean)
    np.testing.assert_allclose(decoded, standard.decode(mean), rtol=1e-6)
    own = standard.decode(mean, prepared=True)
    np.testing.assert_allclose(parameters[0], own, rtol=1e-5, atol=1e-6)
    card, origin = (folder / "card.md").read_text(), standard.about.origin
    assert f"offset = {origin.offset.tolist()}" in card
    assert f"factor = {origin.factor.tolist()}" in card


def test_what_is_known_of_data_is_written_and_read(standard):
    known = standard.about
    again = assembly.about_from_json(assembly.about_as_json(known))
    assert again.facts == known.facts
    np.testing.assert_array_equal(again.origin.factor, known.origin.factor)
