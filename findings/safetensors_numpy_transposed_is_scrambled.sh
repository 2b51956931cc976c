#!/usr/bin/env bash
# safetensors 0.8.0: the numpy writer stores the memory of a transposed array under its new shape.
#
# Behaviour: safetensors.numpy.save takes `x.T` (or any Fortran-ordered array), writes
# the bytes in memory order and the transposed shape beside them. The documentation
# asks for contiguous arrays; the torch writer raises on others, the numpy one does not.
# Seen: [[0, 1, 2], [3, 4, 5]].T comes back as [[0, 1], [2, 3], [4, 5]], where
# [[0, 3], [1, 4], [2, 5]] went in; a square kernel comes back as its own transpose.
# Why it matters: weights carried between frameworks are transposed on the way
# (dense kernels in-out against out-in), and a loaded encoder of the right shapes
# and dtypes then computes something else. Pass np.ascontiguousarray.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q 'safetensors==0.8.0' 'numpy==2.2.6'
cd "$scratch"
env/bin/python - <<'EOF'
import numpy as np
from safetensors.numpy import load, save

kernel = np.arange(6.0).reshape(2, 3).T
back = load(save({"kernel": kernel}))["kernel"]
square = np.asfortranarray(np.arange(9.0).reshape(3, 3))
flipped = load(save({"kernel": square}))["kernel"]
sound = load(save({"kernel": np.ascontiguousarray(kernel)}))["kernel"]
print("in", kernel.tolist(), "out", back.tolist())
print("in", square.tolist(), "out", flipped.tolist())
assert back.shape == kernel.shape and back.tolist() == [[0, 1], [2, 3], [4, 5]]
assert np.array_equal(flipped, square.T) and np.array_equal(sound, kernel)
EOF
