"""A run folder of members with one-letter names, without any training."""

from vae_jax import results


def folder(out, members, ended=None):
    results.create_or_open(
        out,
        {
            "spec": {"configs": [{"name": m} for m in members]},
            "versions": {},
            "members": list(members),
        },
    )
    rows = [
        {
            "member": members.index(name),
            "member_id": name,
            "name": name,
            "status": "finished",
            "first_bad_step": -1,
            "history/step": [1, 2],
            "history/loss": [float(ord(name)), 0.5],
        }
        for name in (ended or members)
    ]
    results.commit_shard(out, rows)
    return out
