"""A run folder of four members with all the files that one can have, untrained."""

import numpy as np

from vae_jax import results

MEMBERS = [f"{number:012x}{0:020x}" for number in range(1, 5)]


def begin(out):
    spec, versions = {"beta": [1.0]}, {"jax": "1"}
    said = {"spec": spec, "versions": versions, "members": MEMBERS}
    return results.create_or_open(out, said)


def make_run(out):
    manifest = begin(out)
    rng = np.random.default_rng(0)
    rows = [
        {
            "member": member,
            "member_id": MEMBERS[member],
            "status": "finished",
            "first_bad_step": None,
            "rate": rng.normal(),
            "history/step": np.arange(300),
            "history/kl": rng.normal(size=(300, 4)).astype(np.float32),
        }
        for member in range(4)
    ]
    kernels = rng.normal(size=(4, 30, 20)).astype(np.float32)
    results.commit_shard(out, rows, [{"dense": {"kernel": one}} for one in kernels])
    results.keep_about(out, "ab" * 16, {"labels": [0, 1]})
    results.mark_finished(out, manifest["spec_hash"], "2026-01-01T00:00:00+00:00")
    return out
