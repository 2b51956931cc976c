"""One sweep by every engine, with processes killed: the same content, to the bit.

Ray runs as a cluster of three nodes on this machine; SLURM where `sbatch` has one.
"""

import os
import shutil
import signal
import subprocess
import time

import pytest

from vae_jax import configs, engines, folders, results, sweeps

pytestmark = pytest.mark.slow

SETTINGS = {
    "model": "linear",
    "likelihood": "gaussian",
    "binarize": "none",
    "num_steps": 6_000,
    "log_every": 500,
    "eval_samples": 2,
}
OPTIONS = sweeps.Options(progress=False, checkpoint_seconds=0.5)


def runs():
    """24 members of two cohorts."""
    return [
        configs.Run.of(**SETTINGS, latent_dim=latent_dim, beta=beta, seed=seed)
        for latent_dim in (2, 3)
        for beta in (0.5, 1.0, 2.0)
        for seed in range(4)
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    sweeps.run(runs(), out, OPTIONS)
    return results.content_hash(out)


class Disturbed:
    """An engine with which something happens once members are saved."""

    def __init__(self, engine, *events):
        self.engine, self.events, self.lost, self.next = engine, list(events), 0, 0.0

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def start(self, work):
        self.out = work[0].out
        return self.engine.start(work)

    def ended(self, handle):
        saved = any(one.step for one in self.seen())
        if self.events and saved and time.monotonic() >= self.next:
            self.events.pop(0)()
            self.next = time.monotonic() + 5.0
        found = self.engine.ended(handle)
        self.lost += found is not None and found.lost
        return found

    def seen(self):
        if not os.path.exists(os.path.join(self.out, "manifest.json")):
            return []
        return folders.status(self.out).members


def pids(pattern):
    found = subprocess.run(
        ["pgrep", "-f", pattern], capture_output=True, text=True, check=False
    )
    return [int(word) for word in found.stdout.split()]


def kill_one(pattern):
    def kill():
        os.kill(pids(pattern)[-1], signal.SIGKILL)

    return kill


def check(out, engine, undisturbed, lost):
    work = engines.divided(runs(), out, OPTIONS, workers=3, devices=1)
    engines.launch(engine, work, shown=False)
    assert results.content_hash(out) == undisturbed
    assert results.read(out).runs.num_rows == 24
    assert results.finished_at(out)
    assert (engine.events, engine.lost >= lost) == ([], True)


def test_processes_of_this_machine(tmp_path, undisturbed):
    kill = kill_one("vae_jax.engines._process")
    engine = Disturbed(engines.engine("local"), kill, kill)
    check(tmp_path / "run", engine, undisturbed, lost=2)


# what Ray itself leaves open, and says of coming versions
@pytest.mark.filterwarnings("ignore")
def test_a_ray_cluster_that_loses_a_worker_and_a_node(tmp_path, undisturbed):
    ray = pytest.importorskip("ray", reason="ray is not installed: extra ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    try:
        resources = engines.Resources(cpus=1, address=cluster.address)
        with pytest.raises(ValueError, match="64 of GPU were asked for"):
            engines.engine("ray", resources._replace(gpus=64))
        engine = Disturbed(
            engines.engine("ray", resources),
            kill_one("ray::guarded"),
            lambda: cluster.remove_node(nodes[1], allow_graceful=False),
        )
        check(tmp_path / "run", engine, undisturbed, lost=2)
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_slurm_that_loses_a_process_and_preempts_another(tmp_path, undisturbed):
    pytest.importorskip("submitit", reason="submitit is not installed: extra slurm")
    if shutil.which("sbatch") is None:
        pytest.skip("no SLURM: `sbatch` is not here")
    if subprocess.run(["sinfo"], capture_output=True, check=False).returncode:
        pytest.skip("no SLURM: its controller does not answer")
    jobs = tmp_path / "run.slurm"

    def preempt():
        told = ["squeue", "--noheader", "--array", "--me", "--states=R", "--format=%i"]
        said = subprocess.run(told, capture_output=True, text=True, check=True).stdout
        subprocess.run(["scancel", "--signal=USR2", said.split()[0]], check=True)

    engine = Disturbed(
        engines.engine("slurm", engines.Resources(cpus=1, minutes=60, jobs=jobs)),
        kill_one(f"submitit.core._submit {jobs}"),
        preempt,
    )
    check(tmp_path / "run", engine, undisturbed, lost=1)
