import json
import os
import shutil
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from vae_jax import results

VERSIONS = {"jax": "0.10.2", "jaxlib": "0.10.2", "optax": "0.2.8", "python": "3.11.7"}


def make_manifest(**changes):
    spec = {"model": {"hidden": [64, 64]}, "beta": [1.0, 2.0], "seed": 0}
    return {"spec": spec, "versions": VERSIONS, "threads": 2} | changes


def identity(member):
    return f"{member:012x}{0:020x}"


def make_row(member, *, status="finished", points=3, **extra):
    rng = np.random.default_rng(member)
    return {
        "member": member,
        "member_id": identity(member),
        "beta": float(member % 2 + 1),
        "status": status,
        "first_bad_step": 7 if status == "diverged" else None,
        "wall_seconds": time.perf_counter(),
        "device": "a-device",
        "rate": float(rng.normal()),
        "kl": rng.normal(size=2).astype(np.float32),
        "history/step": np.arange(points) * 100,
        "history/rate": rng.normal(size=points).astype(np.float32),
        "history/kl": rng.normal(size=(points, 2)).astype(np.float32),
    } | extra


def make_params(member):
    rng = np.random.default_rng(member)
    kernel = rng.normal(size=(3, 2)).astype("f4")
    bias = rng.normal(size=2).astype("f4")
    return {"encoder": {"dense": {"kernel": kernel}}, "decoder": {"bias": bias}}


def fill(out, shards=((0, 1), (2, 3)), order=None):
    results.create_or_open(out, make_manifest())
    for index in order or range(len(shards)):
        members = shards[index]
        rows = [make_row(member) for member in members]
        results.commit_shard(out, rows, [make_params(member) for member in members])
    return out


def names(out):
    return sorted(path.name for path in (out / "shards").iterdir())


# the manifest


def test_spec_hash_sees_values_and_not_the_order_of_keys():
    a = results.spec_hash({"a": 1, "b": {"c": [1.0], "d": None}})
    assert a == results.spec_hash({"b": {"d": None, "c": [1.0]}, "a": 1})
    assert a != results.spec_hash({"a": 1, "b": {"c": [1.1], "d": None}})
    assert len(a) == 64
    assert len(results.short_hash({})) == 12


def test_a_new_folder_gets_the_manifest_and_an_old_one_gives_it_back(tmp_path):
    out = tmp_path / "deep" / "run"
    first = results.create_or_open(out, make_manifest())
    assert first["spec_hash"] == results.spec_hash(make_manifest()["spec"])
    written = (out / "manifest.json").read_bytes()
    again = results.create_or_open(out, make_manifest(threads=8))
    assert again == first
    assert again["threads"] == 2
    assert (out / "manifest.json").read_bytes() == written


def test_another_spec_is_refused_with_each_difference(tmp_path):
    results.create_or_open(tmp_path, make_manifest())
    spec = {"model": {"hidden": [64, 128]}, "beta": [1.0], "seed": 0, "new": None}
    with pytest.raises(results.SpecChanged) as caught:
        results.create_or_open(tmp_path, make_manifest(spec=spec))
    message = str(caught.value)
    assert "model.hidden[1]: 64 -> 128" in message
    assert "beta: [1.0, 2.0] -> [1.0]" in message
    assert "new: (absent) -> null" in message
    assert "seed" not in message
    assert "another folder" in message


def test_an_integer_for_a_float_is_a_difference_that_is_shown(tmp_path):
    results.create_or_open(tmp_path, make_manifest(spec={"beta": 1.0}))
    with pytest.raises(results.SpecChanged, match=r"beta: 1.0 -> 1\n"):
        results.create_or_open(tmp_path, make_manifest(spec={"beta": 1}))


def test_tuples_in_a_spec_are_lists(tmp_path):
    for pair in ((1, 2), [1, 2]):
        results.create_or_open(tmp_path, make_manifest(spec={"pair": pair}))


def test_many_differences_are_counted(tmp_path):
    results.create_or_open(tmp_path, make_manifest(spec={"x": list(range(100))}))
    with pytest.raises(results.SpecChanged, match="and 80 more"):
        results.create_or_open(tmp_path, make_manifest(spec={"x": list(range(1, 101))}))


def test_a_folder_with_foreign_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"thesis\.tex"):
        results.create_or_open(tmp_path, make_manifest())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_manifest_without_versions_is_refused(tmp_path):
    with pytest.raises(ValueError, match="versions"):
        results.create_or_open(tmp_path / "run", {"spec": {}})
    assert not (tmp_path / "run").exists()


def test_other_versions_are_refused_unless_accepted(tmp_path):
    results.create_or_open(tmp_path, make_manifest())
    written = (tmp_path / "manifest.json").read_bytes()
    newer = make_manifest(versions=VERSIONS | {"jax": "0.12.0"})
    with pytest.raises(results.VersionChanged, match=r'jax: "0\.10\.2" -> "0\.12\.0"'):
        results.create_or_open(tmp_path, newer)
    opened = results.create_or_open(tmp_path, newer, accept_version_change=True)
    assert opened["accepted_versions"] == [newer["versions"]]
    assert opened["versions"] == VERSIONS
    assert (tmp_path / "manifest.json").read_bytes() == written
    # both are known from now on, and a third is not
    results.create_or_open(tmp_path, newer)
    results.create_or_open(tmp_path, make_manifest())
    third = make_manifest(versions=VERSIONS | {"optax": "0.3"})
    with pytest.raises(results.VersionChanged, match="optax"):
        results.create_or_open(tmp_path, third)


def test_another_python_is_the_same_run(tmp_path):
    results.create_or_open(tmp_path, make_manifest())
    results.create_or_open(
        tmp_path, make_manifest(versions=VERSIONS | {"python": "3.12.1"})
    )
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_folder_without_manifest_is_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"manifest\.json"):
        results.read(tmp_path)


# shards


def test_rows_come_back_as_they_were(tmp_path):
    fill(tmp_path, order=(1, 0))
    assert results.finished_members(tmp_path) == set(map(identity, range(4)))
    runs = results.read(tmp_path).runs
    assert runs["member"].to_pylist() == [0, 1, 2, 3]
    for row, stored in zip(map(make_row, range(4)), runs.to_pylist(), strict=True):
        assert stored["rate"] == row["rate"]
        assert stored["kl"] == row["kl"].tolist()
        assert stored["first_bad_step"] is None
    assert not [name for name in runs.column_names if name.startswith("history/")]


def test_metrics_have_a_row_for_each_member_and_step(tmp_path):
    results.create_or_open(tmp_path, make_manifest())
    rows = [make_row(1, points=4), make_row(0, points=2)]
    results.commit_shard(tmp_path, rows)
    metrics = results.read(tmp_path).metrics
    assert metrics["member"].to_pylist() == [0, 0, 1, 1, 1, 1]
    assert metrics["step"].to_pylist() == [0, 100, 0, 100, 200, 300]
    expected = [*rows[1]["history/kl"].tolist(), *rows[0]["history/kl"].tolist()]
    assert metrics["kl"].to_pylist() == expected
    assert str(metrics.schema.field("rate").type) == "float"  # Arrow's float32


def test_shards_with_unlike_columns_are_joined(tmp_path):
    results.create_or_open(tmp_path, make_manifest())
    results.commit_shard(tmp_path, [make_row(0, window=8)])
    other = make_row(1, width=2.5)
    del other["history/kl"]
    results.commit_shard(tmp_path, [other])
    read = results.read(tmp_path)
    assert read.runs["window"].to_pylist() == [8, None]
    assert read.runs["width"].to_pylist() == [None, 2.5]
    assert read.metrics["kl"].null_count == 3
    assert read.metrics["rate"].null_count == 0


def test_numbers_of_unlike_type_are_joined(tmp_path):
    results.create_or_open(tmp_path, make_manifest())
    for member, beta in enumerate((1, 2.5)):
        results.commit_shard(tmp_path, [make_row(member) | {"beta": beta}])
    assert results.read(tmp_path).runs["beta"].to_pylist() == [1.0, 2.5]


def test_python_floats_beside_float32_keep_their_digits(tmp_path):
    results.create_or_open(tmp_path, make_manifest())
    rows = [make_row(0) | {"rate": np.float32(0.5)}, make_row(1) | {"rate": 0.1}]
    results.commit_shard(tmp_path, rows)
    assert results.read(tmp_path).runs["rate"].to_pylist() == [0.5, 0.1]


def test_special_numbers_are_kept(tmp_path):
    results.create_or_open(tmp_path, make_manifest())
    row = make_row(0, status="diverged") | {"rate": float("nan"), "nll": -np.inf}
    results.commit_shard(tmp_path, [row])
    stored = results.read(tmp_path).runs.to_pylist()[0]
    assert np.isnan(stored["rate"])
    assert stored["nll"] == -np.inf
    assert (stored["status"], stored["first_bad_step"]) == ("diverged", 7)


def test_a_run_without_finished_shards_is_empty(tmp_path):
    results.create_or_open(tmp_path, make_manifest())
    assert results.finished_members(tmp_path) == set()
    read = results.read(tmp_path)
    assert read.runs.num_rows == read.metrics.num_rows == 0


def test_pandas_groups_by_configuration(tmp_path):
    frames = results.read(fill(tmp_path)).to_pandas()
    means = frames.runs.groupby("beta")["rate"].mean()
    assert means[1.0] == pytest.approx(
        np.mean([make_row(0)["rate"], make_row(2)["rate"]])
    )
    assert len(frames.metrics) == 12
    np.testing.assert_array_equal(frames.runs["kl"][1], make_row(1)["kl"])


def test_the_first_commit_wins(tmp_path):
    fill(tmp_path)
    before = results.content_hash(tmp_path)
    other = [make_row(member) | {"rate": 99.0} for member in (0, 1)]
    results.commit_shard(tmp_path, other, [make_params(8), make_params(9)])
    assert results.content_hash(tmp_path) == before
    assert len(list((tmp_path / "params").iterdir())) == 4
    kernel = results.load(tmp_path, 1)["encoder"]["dense"]["kernel"]
    np.testing.assert_array_equal(kernel, make_params(1)["encoder"]["dense"]["kernel"])


def test_parameters_come_back_as_the_tree_that_they_were(tmp_path):
    fill(tmp_path)
    loaded, wanted = results.load(tmp_path, 3), make_params(3)
    assert set(loaded) == {"encoder", "decoder"}
    bias = loaded["decoder"]["bias"]
    assert bias.dtype == np.float32
    np.testing.assert_array_equal(bias, wanted["decoder"]["bias"])


def test_the_settings_of_a_member_are_stored_with_its_parameters(tmp_path):
    results.create_or_open(tmp_path, make_manifest())
    knobs = {"window": 2, "variance": float(np.float32(0.1))}
    results.commit_shard(tmp_path, [make_row(0)], [make_params(0)], [knobs])
    assert results.load_knobs(tmp_path, 0) == knobs


def test_load_says_what_is_missing(tmp_path):
    fill(tmp_path)
    results.commit_shard(tmp_path, [make_row(4)])
    with pytest.raises(KeyError, match="member 4 were not kept"):
        results.load(tmp_path, 4)
    with pytest.raises(KeyError, match="member 5 is in no finished shard"):
        results.load(tmp_path, 5)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no row"),
        ([{"member": 0}], "first_bad_step"),
        ([make_row(0), make_row(0)], "another member"),
        ([make_row(0), make_row(1, extra=1)], r"member 1 differs in \['extra'\]"),
        ([make_row(0, status="fine")], "finished.*diverged.*'fine'"),
        ([make_row(0) | {"history/rate": [1.0]}], "history.*as long.*member 0"),
        ([make_row(0) | {"beta": 1.0}, make_row(1) | {"beta": "x"}], "column `beta`"),
    ],
)
def test_rows_that_do_not_fit_are_refused(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        results.commit_shard(tmp_path, rows)
    assert results.finished_members(tmp_path) == set()


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([{}], ValueError, "`params` must hold a tree for each of 2 members; got 1"),
        ([{"w": np.array(["a"])}] * 2, TypeError, "`w` must be an array of numbers"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(tmp_path, params, error, message):
    results.create_or_open(tmp_path, make_manifest())
    with pytest.raises(error, match=message):
        results.commit_shard(tmp_path, [make_row(0), make_row(1)], params)
    assert results.finished_members(tmp_path) == set()


def test_a_member_that_was_stored_twice_has_its_first_row(tmp_path):
    """Two launchers of unlike width, on a file system that knows no locks."""
    results.create_or_open(tmp_path, make_manifest())
    for members, rate in (((0, 1), 0.5), ((1, 2), 9.0)):
        rows = [make_row(member) | {"rate": rate} for member in members]
        results.commit_shard(tmp_path, rows, [make_params(m) for m in members])
    runs = results.read(tmp_path).runs
    assert runs["member"].to_pylist() == [0, 1, 2]
    assert runs["rate"].to_pylist() == [0.5, 0.5, 9.0]


# whose a file is


def members_manifest(members, **changes):
    configs = [{"beta": float(member), "seed": 0} for member in members]
    inputs = [{"data": {"train": "ab" * 32}}]
    spec = {"configs": configs, "inputs": inputs, "input_of": [0] * len(configs)}
    ids = [identity(member) for member in members]
    return make_manifest(spec=spec | changes, members=ids)


def test_a_longer_list_of_members_goes_on_in_the_same_folder(tmp_path):
    results.create_or_open(tmp_path, members_manifest([5, 6]))
    results.commit_shard(tmp_path, [make_row(0) | {"member_id": identity(5)}])
    opened = results.create_or_open(tmp_path, members_manifest([7, 6, 5]))
    assert len(opened["spec_hashes"]) == 2
    read = results.read(tmp_path)
    # its number is its place in the list that is given now
    assert read.runs["member"].to_pylist() == [2]
    assert read.missing == (0, 1)
    results.commit_shard(tmp_path, [make_row(0) | {"member_id": identity(7)}])
    assert results.read(tmp_path).missing == (1,)
    # the same members in another order are the same run, fewer are another
    results.create_or_open(tmp_path, members_manifest([5, 6, 7]))
    with pytest.raises(results.SpecChanged, match="number of members: 3 -> 2"):
        results.create_or_open(tmp_path, members_manifest([5, 6]))


def test_a_difference_names_each_field_once_and_both_digests(tmp_path):
    results.create_or_open(tmp_path, members_manifest(range(30)))
    changed = members_manifest(range(40, 70), inputs=[{"data": {"train": "cd" * 32}}])
    with pytest.raises(results.SpecChanged) as caught:
        results.create_or_open(tmp_path, changed)
    lines = str(caught.value).splitlines()
    assert lines[1] == "  data train: abababababababab -> cdcdcdcdcdcdcdcd"
    assert lines[2].startswith("  beta: 0.0, 1.0, 2.0, 3.0, 4.0, 5.0 and 24 more -> 40.0,")
    assert len(lines) == 4


def test_settings_that_combine_otherwise_are_told_by_an_example(tmp_path):
    def crossed(pairs):
        configs = [{"beta": b, "seed": s, "dim": 4} for b, s in pairs]
        ids = [identity(10 * b + s) for b, s in pairs]
        return make_manifest(spec={"configs": configs}, members=ids)

    results.create_or_open(tmp_path, crossed([(1, 1), (2, 2)]))
    with pytest.raises(
        results.SpecChanged,
        match='2 stored members are not given, one of them {"beta": 1, "seed": 1}',
    ):
        results.create_or_open(tmp_path, crossed([(1, 2), (2, 1)]))


def test_a_shard_of_another_run_is_named_and_left_alone(tmp_path):
    for name, members in (("a", [0, 1]), ("b", [0, 2])):
        results.create_or_open(tmp_path / name, members_manifest(members))
        results.commit_shard(tmp_path / name, [make_row(0)])
    source = tmp_path / "a" / "shards" / names(tmp_path / "a")[0]
    foreign = tmp_path / "b" / "shards" / ("shard-00009-" + source.name[-20:])
    foreign.write_bytes(source.read_bytes())
    for attempt in (results.read, results.finished_members):
        with pytest.raises(results.ForeignFile, match="belongs to another run"):
            attempt(tmp_path / "b")
    assert foreign.exists()


def test_a_manifest_of_another_run_makes_its_shards_foreign(tmp_path):
    results.create_or_open(tmp_path / "a", members_manifest([0, 1]))
    results.commit_shard(tmp_path / "a", [make_row(0)])
    results.create_or_open(tmp_path / "b", members_manifest([0, 1, 2]))
    manifest = (tmp_path / "b" / "manifest.json").read_bytes()
    (tmp_path / "a" / "manifest.json").write_bytes(manifest)
    with pytest.raises(results.ForeignFile, match="belongs to another run"):
        results.read(tmp_path / "a")


def test_parameters_of_another_member_are_named(tmp_path):
    fill(tmp_path)
    first, second = sorted((tmp_path / "params").iterdir())[:2]
    shutil.copy(second, first)
    with pytest.raises(results.DamagedFile, match="does not match its SHA-256"):
        results.load(tmp_path, 0)


def test_a_row_of_no_member_is_refused(tmp_path):
    results.create_or_open(tmp_path, members_manifest([0, 1]))
    with pytest.raises(ValueError, match="the manifest has no"):
        results.commit_shard(tmp_path, [make_row(3)])


def test_a_member_that_a_finished_run_lacks_is_said(tmp_path):
    manifest = results.create_or_open(tmp_path, members_manifest([0, 1]))
    for member in (0, 1):
        results.commit_shard(tmp_path, [make_row(member)])
    assert results.finished_at(tmp_path) is None
    results.mark_finished(tmp_path, manifest["spec_hash"], "2026-01-02T03:04:05")
    assert results.finished_at(tmp_path) == "2026-01-02T03:04:05"
    assert results.read(tmp_path).missing == ()
    (tmp_path / "shards" / names(tmp_path)[1]).unlink()
    with pytest.raises(results.DamagedFile, match=r"lacks 1 of 2 members \(1\).*2026"):
        results.read(tmp_path)


def test_columns_of_an_empty_run_can_be_grouped_by(tmp_path):
    results.create_or_open(tmp_path, members_manifest([0, 1]))
    runs = results.read(tmp_path).to_pandas().runs
    assert len(runs.groupby("beta")["status"].count()) == 0


# the content hash


def test_content_does_not_depend_on_order_time_host_or_sharding(tmp_path):
    expected = results.content_hash(fill(tmp_path / "a"))
    assert results.content_hash(fill(tmp_path / "b", order=(1, 0))) == expected
    out = tmp_path / "c"
    results.create_or_open(out, make_manifest())
    rows = [make_row(member) | {"device": "another"} for member in range(4)]
    params = [make_params(member) for member in range(4)]
    results.commit_shard(out, rows[::-1], params[::-1])
    assert results.content_hash(out) == expected


def test_content_sees_every_value(tmp_path):
    hashes = {results.content_hash(fill(tmp_path / "same"))}
    base, params = make_row(0), make_params(0)
    bias = params["decoder"]["bias"]
    changes = [
        (base, params),
        (base | {"beta": 3.0}, params),
        (base | {"status": "diverged"}, params),
        (base | {"rate": np.nextafter(base["rate"], 9.0)}, params),
        (base | {"history/rate": -base["history/rate"]}, params),
        (base | {"kl": np.nextafter(base["kl"], np.float32(9))}, params),
        (base, params | {"decoder": {"bias": np.nextafter(bias, np.float32(9))}}),
        (base, {"decoder": {"bias": bias}}),
        (base, None),
    ]
    for i, (row, arrays) in enumerate(changes):
        out = tmp_path / str(i)
        results.create_or_open(out, make_manifest())
        results.commit_shard(out, [row], None if arrays is None else [arrays])
        hashes.add(results.content_hash(out))
    assert len(hashes) == len(changes) + 1


# many processes, and those that died


RACE = """
import sys, time
import numpy as np
from vae_jax import results
out, start = sys.argv[1], float(sys.argv[2])
time.sleep(max(0.0, start - time.time()))
results.create_or_open(out, {"spec": {"a": 1}, "versions": {"jax": "1"}})
for index in range(12):
    row = {"member": index, "member_id": f"{index:012x}{0:020x}", "status": "finished"}
    row |= {"first_bad_step": None, "rate": 0.5}
    results.commit_shard(out, [row], [{"w": np.full(9, float(index))}])
"""


def test_four_launchers_on_one_folder_lose_no_row_and_repeat_none(tmp_path):
    command = [sys.executable, "-c", RACE, str(tmp_path / "run"), str(time.time() + 3)]
    launchers = [subprocess.Popen(command) for _ in range(4)]
    assert [launcher.wait() for launcher in launchers] == [0, 0, 0, 0]
    read = results.read(tmp_path / "run")
    assert read.runs["member"].to_pylist() == list(range(12))
    assert results.load(tmp_path / "run", 11)["w"].tolist() == [11.0] * 9
    names = {path.name for path in (tmp_path / "run").rglob(".*")}
    assert names == set()


def test_leftovers_of_the_dead_are_removed_and_those_of_the_living_stay(tmp_path):
    fill(tmp_path)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    shards, host = tmp_path / "shards", socket.gethostname()
    names = {
        "dead": f".tmp-{dead.pid}-00000000-{host}",
        "living": f".tmp-{os.getpid()}-00000000-{host}",
        "elsewhere": f".tmp-{dead.pid}-00000000-another-{host}",
        "old": f".tmp-{dead.pid}-00000001-another-{host}",
    }
    for name in names.values():
        (shards / name).write_bytes(b"half a file")
    two_days_ago = time.time() - 2 * 86400
    os.utime(shards / names["old"], (two_days_ago, two_days_ago))
    results.create_or_open(tmp_path, make_manifest())
    left = {path.name for path in shards.glob(".tmp-*")}
    assert left == {names["living"], names["elsewhere"]}
    assert len(results.finished_members(tmp_path)) == 4


def test_parameters_of_a_killed_commit_are_replaced(tmp_path):
    fill(tmp_path)
    (tmp_path / "shards" / names(tmp_path)[1]).unlink()
    half = tmp_path / "params" / f"member-00002-{identity(2)[:12]}-0.safetensors"
    half.write_bytes(b"half")
    fill(tmp_path)
    assert len(list((tmp_path / "params").iterdir())) == 4
    assert results.load(tmp_path, 2)["decoder"]["bias"].shape == (2,)


def test_the_store_needs_no_jax():
    code = "import sys, vae_jax.results; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_other_readers_can_open_a_shard(tmp_path):
    import pyarrow.parquet as pq

    fill(tmp_path)
    path = tmp_path / "shards" / names(tmp_path)[0]
    assert pq.read_table(path, page_checksum_verification=True).num_rows == 2
    assert json.loads((tmp_path / "manifest.json").read_text())["threads"] == 2
