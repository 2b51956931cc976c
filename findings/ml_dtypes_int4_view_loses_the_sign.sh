#!/usr/bin/env bash
# ml_dtypes 0.6.0: int4 numbers viewed as bytes lose their sign; saved by numpy they lose the dtype.
#
# Behaviour: an int4 takes a byte whose upper half is 0, negative or not. `.view(int8)`,
# the usual way to hand odd dtypes to a writer, gives 15 for -1, and `astype(int8)` -1.
# np.save stores void bytes: np.load returns |V1, with no word on what they were.
# Seen: [-1, -8, 7, 3] viewed as [15, 8, 7, 3]; loaded with dtype |V1.
# Why it matters: quantised decoders are stored through byte views. Read back as int8
# every negative weight has become a positive one, in a file of the right shape.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q ml_dtypes==0.6.0 numpy==2.4.6
cd "$scratch"
env/bin/python - <<'EOF'
import io

import ml_dtypes
import numpy as np

weights = np.array([-1, -8, 7, 3]).astype(ml_dtypes.int4)
viewed, cast = weights.view(np.int8).tolist(), weights.astype(np.int8).tolist()
np.save(stream := io.BytesIO(), weights)
stream.seek(0)
loaded = np.load(stream)
print("view", viewed, "astype", cast, "numpy file", loaded.dtype)
assert viewed == [15, 8, 7, 3] and cast == [-1, -8, 7, 3] and loaded.dtype == np.dtype("V1")
EOF
