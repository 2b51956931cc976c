#!/usr/bin/env bash
# orbax-checkpoint 0.12.8: a restore template's shape is unheeded, and its dtype cuts the numbers.
#
# Behaviour: StandardCheckpointer.restore(path, template of ShapeDtypeStruct) looks at
# the names and at the dtypes. A template of another shape gets the stored shape; one
# of a narrower dtype gets the numbers cast to it, integers modulo its range and
# floats to infinity, with no word in either case.
# Seen: int32 [16777217, 300] into uint8 is [1, 44]; float64 1e39 into float32 is inf;
# a template of shape (3,) for a stored (1,) returns shape (1,).
# Why it matters: the template is the caller's statement of the model. A latent width
# that differs from the stored one is broadcast later, or fails far from the cause,
# and step counters or class counts restored into a small dtype are other counts.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q 'orbax-checkpoint==0.12.8' 'jax[cpu]==0.10.2' 'numpy==2.2.6'
cd "$scratch"
env/bin/python - <<'EOF'
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

stored = {"count": np.array([16777217, 300], np.int32), "scale": np.array([1e39])}
folder = pathlib.Path("checkpoint").resolve()
checkpointer = ocp.StandardCheckpointer()
checkpointer.save(folder, stored)
checkpointer.wait_until_finished()


def restored(count, scale):
    return checkpointer.restore(folder, {"count": count, "scale": scale})


Spec = jax.ShapeDtypeStruct
narrow = restored(Spec((2,), jnp.uint8), Spec((1,), jnp.float32))
other = restored(Spec((1,), jnp.int32), Spec((3,), jnp.float32))
print("narrower dtypes:", {k: np.asarray(v).tolist() for k, v in narrow.items()})
print("other shapes asked for:", {k: v.shape for k, v in other.items()})
assert np.asarray(narrow["count"]).tolist() == [1, 44] and np.isinf(narrow["scale"]).all()
assert other["count"].shape == (2,) and other["scale"].shape == (1,)
EOF
