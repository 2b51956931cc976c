"""How many members have room: the bound, the compiled program, and what is said of it."""

import jax
import numpy as np
import pytest
from tiny import BASE, make_job

from vae_jax import assembly, results, sweeps
from vae_jax.configs import Run
from vae_jax.sweeps.devices import _memory
from vae_jax.sweeps.devices._stream import traced_as
from vae_jax.sweeps.queue import _work

QUIET = sweeps.Options(progress=False)


def engine_of(job, num, strategy):
    return sweeps.make_engine(
        job.program, [job.hyper], job.splits, 2, 50, num, strategy
    )


@pytest.mark.slow  # compiles four programs
@pytest.mark.parametrize("strategy", ["map", "vmap"])
def test_the_bound_is_above_what_the_compiled_program_takes(strategy):
    run = Run.of(model="mlp", hidden=[64], latent_dim=4, num_steps=100, batch_size=64)
    job = assembly.job(run)
    make = lambda num: engine_of(job, num, strategy)  # noqa: E731
    data = traced_as(job.splits, None)
    needs = _memory.measured(make, job.hyper, data)
    above = _memory.bound(make(2), data)
    # a member's parameters, two moments of each and its data's order at the least
    assert needs.member >= _memory.num_bytes(make(1).like)
    for num in (1, 8, 64):
        took = needs.shared + num * needs.member
        assert took <= above.shared + num * above.member
    # evaluation is another program
    assert needs.shared >= _memory.num_bytes(data.train)


def test_members_that_have_no_room_are_not_resident(tmp_path, monkeypatch, capfd):
    rooms = iter([2, 3])
    monkeypatch.setattr(_work, "room", lambda *a: next(rooms))
    monkeypatch.setattr(_work, "member_devices", lambda mesh: 1)
    runs = [BASE.changed(seed=seed) for seed in range(5)]
    out, options = tmp_path / "run", sweeps.Options(strategy="map")
    stored = sweeps.run(runs, out, options, make_job=make_job)
    assert set(stored.to_pandas().runs["width"]) == {2}
    assert results.read_manifest(out)["options"]["width"] == 2
    said = capfd.readouterr().err
    assert (
        "Of 64 members at once (--width) the memory that is free has room for 2" in said
    )
    # what is gone on with later has the same width
    more = [*runs, BASE.changed(seed=5)]
    stored = sweeps.run(more, out, options, make_job=make_job)
    assert set(stored.to_pandas().runs["width"]) == {2}


def test_one_member_without_room_is_refused_before_a_compile(tmp_path, monkeypatch):
    monkeypatch.setattr(_work, "available_bytes", lambda: 10**6)
    needs = _memory.Needs(10**6, 10**6)
    monkeypatch.setattr(_memory, "measured", lambda *a: needs)
    with pytest.raises(
        ValueError, match=r"80% .* 0\.0008 GB; got .* 0\.002 GB\. Set a"
    ):
        sweeps.run([BASE], tmp_path / "run", QUIET, make_job=make_big_job)
    assert not (tmp_path / "run").exists()


def make_big_job(config):
    return make_job(config, np.zeros((40_000, 3), np.float32))


def test_where_the_bound_is_far_below_nothing_is_compiled(tmp_path, monkeypatch):
    monkeypatch.setattr(_memory, "measured", lambda *a: pytest.fail("compiled"))
    sweeps.run([BASE], tmp_path / "run", QUIET, make_job=make_job)


def test_arrays_within_loops_are_counted_once():
    def looped(x):
        return jax.lax.fori_loop(0, 9, lambda i, c: c * 2, x)

    x = np.ones(5, np.float32)
    made = _memory.made_bytes(jax.make_jaxpr(looped)(x).jaxpr)
    # the product and the counter within, and both as they come out of the loop
    assert 2 * 20 <= made <= 2 * 20 + 64


def test_free_memory_is_that_of_the_machine_by_devices(monkeypatch):
    whole = _memory.available_bytes()
    monkeypatch.setattr(jax, "local_device_count", lambda: 4)
    assert _memory.available_bytes() == pytest.approx(whole / 4, rel=0.2)
