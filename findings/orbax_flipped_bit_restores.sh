#!/usr/bin/env bash
# orbax-checkpoint 0.12.8: one flipped bit in stored weights restores as other weights, silently.
#
# Behaviour: restore looks at no checksum of the array data (zstd-compressed chunks).
# Of bits flipped in the largest file most become one changed weight, a few become
# hundreds of them.
# Seen: a 64 x 64 float32 kernel, one bit flipped at 12 places in turn: about 11
# restores return other numbers (from 1e-8 to NaN off) and none raised.
# Why it matters: a checkpoint copied over a bad disk or a cut network gives a model
# that runs and scores a little worse. Keep a digest of each file beside the folder.
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

kernel = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
folder = pathlib.Path("checkpoint").resolve()
checkpointer = ocp.PyTreeCheckpointer()
checkpointer.save(folder, {"kernel": kernel})
largest = max((f for f in folder.rglob("*") if f.is_file()), key=lambda f: f.stat().st_size)
sound, changed, refused = largest.read_bytes(), 0, 0
for place in np.linspace(200, len(sound) - 200, 12).astype(int):
    damaged = bytearray(sound)
    damaged[place] ^= 4
    largest.write_bytes(damaged)
    try:
        changed += not np.array_equal(checkpointer.restore(folder)["kernel"], kernel)
    except ValueError:
        refused += 1
print(f"12 flipped bits in {len(sound)} bytes: {changed} silent changes, {refused} refusals")
assert changed >= 6, "array data is checked now"
EOF
