"""Members are divided among processes alike everywhere, whole, and each once."""

import pytest
import tiny

from vae_jax import results, sweeps
from vae_jax.configs import Run
from vae_jax.sweeps.queue._division import splits_groups

QUIET = sweeps.Options(progress=False)


def groups(number, width=64, **changes):
    runs = [Run(seed=seed).changed(**changes) for seed in range(number)]
    return sweeps.split_shards(runs, width)


def parts(cohorts, processes):
    each = range(1, processes + 1)
    return [sweeps.members_of(cohorts, sweeps.Division(i, processes)) for i in each]


@pytest.mark.parametrize("number", [1, 2, 5, 24, 100])
@pytest.mark.parametrize("width", [3, 8, 64])
@pytest.mark.parametrize("processes", [1, 2, 3, 7, 24])
def test_every_member_is_of_one_process(number, width, processes):
    if processes > number:
        return
    found = parts(groups(number, width), processes)
    assert sorted(member for part in found for member in part) == list(range(number))
    assert all(found)


def test_processes_have_equal_shares_where_one_group_is_divided():
    assert [len(part) for part in parts(groups(24), 5)] == [5, 5, 4, 5, 5]


def test_a_cut_near_to_the_end_of_a_group_is_made_there():
    """Groups of 63, 63, 63, 55: four processes have one each, and not 61 of each."""
    cohorts = groups(244)
    assert [len(shard.members) for shard in cohorts[0]] == [61, 61, 61, 61]
    cohorts = [*groups(63), *groups(63, latent_dim=3), *groups(55, latent_dim=4)]
    assert [len(part) for part in parts(cohorts, 3)] == [63, 63, 55]
    assert not splits_groups(cohorts, sweeps.Division(2, 3))


def test_longer_members_count_for_more():
    runs = [Run(seed=s, num_steps=1500) for s in range(4)]
    runs += [Run(seed=s, num_steps=500, log_every=50) for s in range(12)]
    found = parts(sweeps.split_shards(runs, 64), 2)
    assert [len(part) for part in found] == [4, 12]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("0/3", "counted from 1: write 1/3 to 3/3"),
        ("4/3", "must be from 1/3 to 3/3; got 4/3"),
        ("1", "which of how many processes this one is, such as 1/3; got '1'"),
        ("-1/3", "such as 1/3"),
        ("1/0", "must be of 1 to 100000 processes"),
        ("1/3/5", "such as 1/3"),
        ("٣/٣", "such as 1/3"),
    ],
)
def test_other_words_are_refused(said, message):
    with pytest.raises(ValueError, match=message):
        sweeps.read_division(said)


def test_more_processes_than_members_are_refused():
    with pytest.raises(ValueError, match="at most as many processes as .* members, 3"):
        sweeps.members_of(groups(3), sweeps.Division(1, 4))


def members(num=6):
    return [tiny.BASE.changed(seed=seed, beta=0.1 * seed) for seed in range(num)]


def run(out, shard=None, **options):
    given = QUIET._replace(**options)
    return sweeps.run(members(), out, given, make_job=tiny.make_job, shard=shard)


@pytest.mark.parametrize("strategy", ["map", "vmap"])
def test_processes_one_after_another_make_what_one_makes(tmp_path, strategy, capsys):
    run(tmp_path / "one", strategy=strategy)
    for number in (2, 1, 3):
        shard = sweeps.Division(number, 3)
        found = run(tmp_path / "three", shard, strategy=strategy, progress=True)
        said = capsys.readouterr().err
        assert len(found.missing) == {2: 4, 1: 2, 3: 0}[number]
        left = {2: "4 of 6", 1: "2 of 6"}.get(number)
        assert (f"{left} are left to other processes" in said) == bool(left)
        # the last alone marks the end
        assert bool(results.finished_at(tmp_path / "three")) == (number == 3)
        assert ("Under vmap a part of a group costs" in said) == (strategy == "vmap")
    hashes = [results.content_hash(tmp_path / name) for name in ("one", "three")]
    assert hashes[0] == hashes[1]


def test_a_process_whose_members_have_ended_says_so(tmp_path, capsys):
    shard = sweeps.Division(1, 2)
    run(tmp_path / "run", shard)
    run(tmp_path / "run", shard, progress=True)
    said = capsys.readouterr().err
    assert "Nothing was trained: all of 3 members had ended." in said
    assert "The members of 1/2 have ended; 3 of 6 are left" in said
    assert "vae-jax sweep status" in said


def test_without_a_division_the_rest_is_done(tmp_path):
    run(tmp_path / "run", sweeps.Division(1, 2))
    assert not run(tmp_path / "run").missing
    assert results.finished_at(tmp_path / "run")
