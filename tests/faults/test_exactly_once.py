"""No row is lost and none is there twice, whoever is killed: launchers on one folder.

What is stored of the same members by several at once is in `tests/results/test_store.py`.
"""

import random
import signal
import time

import apart
import pytest
import small

from vae_jax import results


def rows_of(out):
    """The member of every row of every file, twice where it is there twice."""
    return sorted(
        member
        for path in (out / "shards").glob("*.parquet")
        for member in results._shards.read_shard(path).members
    )


def race(out, rng, num_launchers, num_kills, whole):
    """Launchers of which random ones are killed and replaced, to the end."""

    def launch():
        return apart.start("small", out, options={"width": 2}, steps=7, sleep=0.2)

    running = [launch() for _ in range(num_launchers)]
    for _ in range(num_kills):
        time.sleep(rng.uniform(1.0, 4.0))
        place = rng.randrange(num_launchers)
        running[place].send_signal(signal.SIGKILL)
        running[place].communicate()
        running[place] = launch()
    for process in running:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    stored = results.read(out)
    assert stored.runs["member"].to_pylist() == list(range(6))
    members = rows_of(out)
    assert len(members) == len(set(members)) == 6
    assert results.content_hash(out) == whole
    assert not (out / "checkpoints").exists()


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "run"
    small.run(out)
    return results.content_hash(out)


@pytest.mark.slow  # a process of its own; `test_kill.py` has one by default
def test_a_second_launcher_takes_over_from_a_killed_one(content, tmp_path):
    out = tmp_path / "run"
    first = apart.start("small", out, options={"width": 2}, steps=7)
    apart.read_to(first, 14)  # two members are stored, two are on their way
    first.send_signal(signal.SIGKILL)
    first.communicate()
    small.run(out, width=2)
    members = rows_of(out)
    assert len(members) == len(set(members)) == 6
    assert results.content_hash(out) == content


@pytest.mark.slow  # ten races of some 40 seconds
@pytest.mark.parametrize("seed", range(10))
def test_four_launchers_of_which_random_ones_are_killed(content, tmp_path, seed):
    race(tmp_path / "run", random.Random(seed), 4, 5, content)
