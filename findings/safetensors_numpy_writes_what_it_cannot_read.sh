#!/usr/bin/env bash
# safetensors 0.8.0: the numpy front end saves bfloat16 and float8 arrays that it then cannot load.
#
# Behaviour: safetensors.numpy.save takes ml_dtypes' bfloat16 and float8 arrays; load of
# what it wrote raises a bare KeyError with the name of the format's dtype. One such
# tensor makes the whole file unreadable through this door: float32 neighbours too.
# Seen: KeyError('BF16') and KeyError('F8_E4M3') from load(save(...)).
# Why it matters: saving a bfloat16 decoder without torch or flax at hand goes well,
# and that nothing can be read back is noticed when the run is over. The bytes are
# right: deserialize() of the compiled part still hands them out, as shown.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q 'safetensors==0.8.0' 'numpy==2.2.6' 'ml_dtypes==0.5.4'
cd "$scratch"
env/bin/python - <<'EOF'
import ml_dtypes
import numpy as np
from safetensors import deserialize
from safetensors.numpy import load, save

for dtype in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn):
    weights = np.array([1.0, 1.5, -2.0], dtype)
    stored = save({"decoder": weights, "bias": np.ones(1, np.float32)})
    try:
        load(stored)
    except KeyError as error:
        print(np.dtype(dtype).name, "saved, and not loaded:", repr(error))
    else:
        raise SystemExit(f"{np.dtype(dtype).name} can be loaded now")
    raw = dict(deserialize(stored))["decoder"]["data"]
    assert np.array_equal(np.frombuffer(bytes(raw), dtype), weights)
EOF
