#!/usr/bin/env bash
# orbax-checkpoint 0.12.8: under a folder with [ ] in its name a save succeeds and cannot be restored.
#
# Behaviour: the part files of a save are gathered by a glob over the caller's own path.
# In `beta=[1]` the brackets are a pattern, which fits `beta=1` only, so nothing is
# gathered; save returns all the same, and the arrays are missing from the index.
# Seen: PyTreeCheckpointer().save returns, restore raises NOT_FOUND for `.zarray`;
# the same tree under `beta=1` is restored.
# Why it matters: sweep tools name folders after settings (`beta=[1,4]`,
# `hidden=[64,64]`). Each save of such a run looks fine and all of them are lost,
# which is noticed at the first restore.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q 'orbax-checkpoint==0.12.8' 'jax[cpu]==0.10.2' 'numpy==2.2.6'
cd "$scratch"
env/bin/python - <<'EOF'
import pathlib

import numpy as np
import orbax.checkpoint as ocp

tree = {"mean": np.arange(4.0, dtype=np.float32)}


def round_trip(name):
    folder = pathlib.Path(name).resolve() / "step_1"
    folder.parent.mkdir()
    checkpointer = ocp.PyTreeCheckpointer()
    checkpointer.save(folder, tree)
    try:
        return np.array_equal(checkpointer.restore(folder)["mean"], tree["mean"])
    except ValueError as error:
        print(name, "is saved, then:", str(error)[:90])
        return None


assert round_trip("beta=1") is True
assert round_trip("beta=[1]") is None, "brackets are taken as they stand now"
EOF
